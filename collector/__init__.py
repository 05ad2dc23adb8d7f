"""The collector: receives OTLP and RUM beacons, commits them as rows of the store, then answers.

It knows the wire formats and no application. What a span means is decided in
`signals.semantics`, how it is stored in `store`.
"""
