"""The service map and the panel of a selected node."""
