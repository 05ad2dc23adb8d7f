"""What every process of the shop shares: settings, telemetry, logs, flags, money, clients, the server.

Importing anything here starts nothing: no thread, no socket, no exporter, no
reading of the environment. That happens in `main()`, so that a process may be
forked after the heavy modules were imported.
"""
