"""The reading half of the SQLite engine: one module per family of questions."""
