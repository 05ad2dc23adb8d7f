"""cartservice: what shoppers put aside."""
