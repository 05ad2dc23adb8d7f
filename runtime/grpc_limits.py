"""What a gRPC server takes on from strangers: the same limits for every one. Knows no service."""

from __future__ import annotations

_STREAMS = 256
"""Calls at once on one connection; a sender waits for more."""
_CONNECTIONS = 2_000
_METADATA_BYTES = 32 * 1024
_HANDSHAKE_MS = 10_000
"""A connection that says nothing is closed after this time; gRPC itself waits for two minutes."""
_IDLE_MS = 60_000
"""A connection without a call is closed after this time; clients connect again by themselves."""
_PING_MS = 20_000
_PING_ANSWER_MS = 10_000
_LEAST_BETWEEN_PINGS_MS = 10_000


def server_options(most_message_bytes: int) -> list[tuple[str, int]]:
    """The options of `grpc.server` and `grpc.aio.server`."""
    return [
        ("grpc.max_receive_message_length", most_message_bytes),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", _METADATA_BYTES),
        ("grpc.max_concurrent_streams", _STREAMS),
        ("grpc.max_allowed_incoming_connections", _CONNECTIONS),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", _IDLE_MS),
        # Finds connections whose other side is gone without a word.
        ("grpc.keepalive_time_ms", _PING_MS),
        ("grpc.keepalive_timeout_ms", _PING_ANSWER_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _LEAST_BETWEEN_PINGS_MS),
        # A port that another process holds must be refused, not shared.
        ("grpc.so_reuseport", 0),
    ]
