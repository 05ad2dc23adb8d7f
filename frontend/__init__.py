"""The storefront: pages, forms, the RUM snippet, calls to the shop's services.

Knows the backends by their gRPC interface, and not the receiver of telemetry.
Importing it starts nothing.
"""
