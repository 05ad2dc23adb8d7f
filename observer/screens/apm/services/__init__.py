"""The service map, the list of services, and one service."""
