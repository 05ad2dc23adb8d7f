"""Prepares the machine: `.venv`, locked packages, browser files, and the checks of `lab doctor`."""
