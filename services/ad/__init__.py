"""adservice: short advertisements."""
