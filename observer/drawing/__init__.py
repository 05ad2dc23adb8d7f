"""Charts and maps as SVG text: time series, columns, bars, scatter plots, layered graphs.

Geometry comes as attributes, colour by class from static/charts.css, so that a strict
content security policy holds and both themes work. Pure and deterministic: the same
data gives the same bytes. Knows no page and no telemetry.
"""
