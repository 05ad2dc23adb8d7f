"""What the screens and the API say, computed once: pure functions over the store's answers.

Templates and JSON only place what is decided here. Knows no page and no service by name.
"""
