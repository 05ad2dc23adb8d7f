"""One service: its charts, operations and dependencies."""
