"""recommendationservice: five other products."""
