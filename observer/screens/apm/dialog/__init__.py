"""The APM dialog over an event of a browser session."""
