"""cartservice: shopping carts."""
