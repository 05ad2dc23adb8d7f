"""shippingservice: quotes and ships."""
