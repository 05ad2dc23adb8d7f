"""The embedded engine: one SQLite file, one writer process, readers that never block it."""
