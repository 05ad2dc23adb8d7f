"""ButtercupPayments, the outside payment provider: another company, without telemetry."""
