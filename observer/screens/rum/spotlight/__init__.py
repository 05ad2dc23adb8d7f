"""RUM Tag Spotlight: one metric over time and by tag."""
