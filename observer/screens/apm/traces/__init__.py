"""The trace search."""
