"""What asks the store for the things that addresses name: a trace, a session, any id.

Raises `Unknown` with the reason where nothing is found. Knows no page and no route.
"""
