"""The lab's control interface: on loopback, behind a token, the only place that changes a running class."""
