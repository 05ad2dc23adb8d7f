"""ButtercupPayments, the outside payment provider: somebody else's company, without telemetry."""
