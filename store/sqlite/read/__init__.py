"""The reading half of the SQLite engine: one module per protocol of store.api, and what they share."""
