"""The ground floor that every room may import: what both halves must do alike. It imports none of them."""

# The only place of the version: pyproject.toml reads it without importing, so nothing may be imported here.
VERSION = "0.1.0"
