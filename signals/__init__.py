"""The domain of telemetry: spans, logs, browser events, and what is computed from them. Pure; no I/O."""
