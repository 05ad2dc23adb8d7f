"""Tests of the shop's backends and of what they share."""
