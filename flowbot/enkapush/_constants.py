"""Every number of the client, named once. Times are seconds, sizes are bytes."""

from typing import Final

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 12.0
WRITE_TIMEOUT: Final = 15.0
POOL_TIMEOUT: Final = 5.0

WRITE_DEADLINE: Final = 30.0
"""A write and its answer together: a server that drips bytes never trips a per-read timeout."""

READ_BUDGET: Final = 25.0
"""A read with all its tries and waits together."""

READ_ATTEMPTS: Final = 4
BACKOFF_BASE: Final = 0.5
BACKOFF_MAX: Final = 8.0
RETRY_AFTER_CAP: Final = 10.0
"""The longest that a server may make one caller wait; beyond it the next try comes early."""

MAX_CONNECTIONS: Final = 20
KEEPALIVE_CONNECTIONS: Final = 5
KEEPALIVE_EXPIRY: Final = 5.0
"""Short, so that a write rarely meets a connection that the server is about to close."""

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
BODY_START_CHARS: Final = 500
REDACTION_WINDOW: Final = 64 * 1024
"""How much of a body is looked through for the key before its start is cut out."""

MAX_REDIRECTS: Final = 3
MAX_PAGES: Final = 10_000
SWEEPS: Final = 2
"""How often a list is read anew when it changed while its pages were read."""

REDACTED: Final = "***"
REQUEST_ID_HEADERS: Final = ("x-request-id", "x-correlation-id", "x-amzn-trace-id", "cf-ray")
REQUEST_ID_CHARS: Final = 100
