"""Tag Spotlight: requests by the values of each attribute."""
