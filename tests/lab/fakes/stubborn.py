"""Ignores every polite request to stop, and so does the child that it starts."""

from __future__ import annotations

import os
import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.fork()
while True:
    time.sleep(60)
