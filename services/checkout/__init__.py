"""checkoutservice: turns a cart into an order."""
