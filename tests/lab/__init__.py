"""The lab room's tests: decisions of set-up, the table, and the supervisor with tiny processes."""
