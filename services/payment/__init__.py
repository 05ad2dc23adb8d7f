"""paymentservice: charges a card through the outside provider ButtercupPayments."""
