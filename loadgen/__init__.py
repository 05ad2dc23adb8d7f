"""Shoppers: Locust over HTTP, browser sessions without a browser, real browsers.

It knows the shop by its pages and forms, as a visitor does, and neither the receiver
of telemetry nor the backends.
"""
