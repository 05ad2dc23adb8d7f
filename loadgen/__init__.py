"""Shoppers: Locust over HTTP, browser sessions without a browser, real browsers.

It knows the shop as any visitor does, by its pages and forms, and must not know
who receives the telemetry or what the shop is made of.
"""
