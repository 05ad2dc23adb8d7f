"""Brings a lab up: launch in front or detached, the readiness proof, progress messages."""
