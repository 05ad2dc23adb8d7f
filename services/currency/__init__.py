"""currencyservice: converts money."""
