"""Charts and maps as SVG text: time series, columns, bars, scatter plots, layered graphs.

Geometry is in attributes, colour comes by class from static/charts.css: a strict content
security policy allows that, and both themes work. Pure and deterministic: the same data
gives the same bytes. Knows no page and no telemetry.
"""
