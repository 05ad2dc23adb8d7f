"""The writing half of the SQLite engine: ingest, aggregation, retention."""
