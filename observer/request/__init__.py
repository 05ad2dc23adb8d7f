"""What a request asks for: parameters, time range, scope and links, and what a view may reach.

The ground floor of the observer: imports no other of its rooms.
"""
