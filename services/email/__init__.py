"""emailservice: confirms orders."""
