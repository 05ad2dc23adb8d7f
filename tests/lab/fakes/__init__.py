"""Tiny processes for the supervisor to keep alive."""
