"""One session: its pages and the waterfall of their events."""
