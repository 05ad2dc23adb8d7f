"""The RUM overview."""
