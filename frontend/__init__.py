"""The storefront: pages, forms, the RUM snippet, calls to the shop's services.

Knows the backends by their gRPC interface and nobody who receives telemetry.
Importing it starts nothing.
"""
