"""Keeps processes alive: spawning, health checks, restarts, shutdown."""
