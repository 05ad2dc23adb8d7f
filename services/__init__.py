"""The shop's backends, one folder each, and what they share in `services.common`.

They know one another through `protos` and the network alone, and never who
receives their telemetry.
"""
