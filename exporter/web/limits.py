"""How much of the server one client, or all of them, may hold; named in docs/security.md."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What connections and requests may take.

    Args:
        connections: Open at once, TLS handshakes included.
        first_seconds: From the connection to the end of its first request's head.
        head_seconds: From the first byte of a later request to the end of its head.
        answer_seconds: From a request to the end of its answer; more than a scrape's writing.
        idle_seconds: Between two requests. Longer than the 5 minutes after which Prometheus itself
            lets an idle connection go, so that it never sends a scrape into one that we close.
        handshake_seconds: A TLS handshake.
        line_bytes: The request line.
        field_bytes: One header.
        fields: Headers of one request.
        body_seconds: How long the body of a request is read, which nobody wants, before the
            connection is closed.
        sweep_seconds: How often it is looked for what takes too long.
    """

    connections: int = 256
    first_seconds: float = 10.0
    head_seconds: float = 10.0
    answer_seconds: float = 120.0
    idle_seconds: float = 330.0
    handshake_seconds: float = 10.0
    line_bytes: int = 8190
    field_bytes: int = 8190
    fields: int = 64
    body_seconds: float = 2.0
    sweep_seconds: float = 1.0
