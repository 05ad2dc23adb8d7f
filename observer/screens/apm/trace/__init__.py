"""One trace: its waterfall, its span panel, and the APM dialog over a session."""
