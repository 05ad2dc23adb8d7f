"""The ground floor that every room may import: what both halves must do alike. It imports none of them."""
