"""Every number of the client, named once. Times are seconds, sizes are bytes."""

from typing import Final

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 12.0
WRITE_TIMEOUT: Final = 15.0
POOL_TIMEOUT: Final = 5.0

WRITE_DEADLINE: Final = 30.0
"""A write and its response together: a server that drips bytes never trips a per-read timeout."""

READ_BUDGET: Final = 25.0
"""A read with all its tries and waits together."""

READ_ATTEMPTS: Final = 4
BACKOFF_BASE: Final = 0.5
BACKOFF_MAX: Final = 8.0
RETRY_AFTER_MAX: Final = 10.0
"""The longest that a server may make one caller wait; beyond it the next try comes early."""

MAX_CONNECTIONS: Final = 20
KEEPALIVE_CONNECTIONS: Final = 5
KEEPALIVE_EXPIRY: Final = 5.0
"""Short, so that a write rarely meets a connection that the server is about to close."""

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
BODY_START_CHARS: Final = 500
REDACTION_WINDOW: Final = 64 * 1024
"""The part of a body that is searched for the key before its start is cut out."""

MAX_REDIRECTS: Final = 3
MAX_PAGES: Final = 10_000
LIST_BUDGET: Final = 300.0
"""A whole list with all its readings: a server that is slow with each page must not keep one reading for hours."""
LIST_READS: Final = 2
"""Readings of a list that changes while its pages are read, the first included."""

REDACTED: Final = "***"
REQUEST_ID_HEADERS: Final = ("x-request-id", "x-correlation-id", "x-amzn-trace-id", "cf-ray")
REQUEST_ID_CHARS: Final = 100
