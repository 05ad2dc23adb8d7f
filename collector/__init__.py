"""The collector: OTLP and RUM beacons in, the store's rows out, an honest answer to every sender.

It knows the wire formats and nothing of any application; what a span means is
decided in `signals.semantics`, and how it is kept is the store's own matter.
"""
