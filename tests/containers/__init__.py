"""The containers' tests: the files against the table, and, when asked for, the real thing in an engine."""
