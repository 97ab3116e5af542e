"""Logs: one line an event, as text or JSON, with an incident id and without secrets."""

import json
import logging
import re
import secrets
import sys
from collections.abc import Iterable
from typing import Any, Final, Literal
from urllib.parse import quote

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

INCIDENT_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without letters and digits that look alike, since people read an incident id aloud."""
_TOKEN_PATTERN: Final = re.compile(
    r"(xox[a-z]\.?[-.]|xapp-|xwfp-|xoxe\.)[A-Za-z0-9.-]+"
    r"|(?<=Bearer )[^\s'\",\\]+"
    r"|(?<=://)[^/@\s:'\"\\]*:[^/@\s'\"\\]*(?=@)"
    r"|(?<=[?&]ticket=)[^&\s'\",\\]+"
    r"|(?<=[?&]password=)[^&\s'\",\\]+"
    r"|(?<=hooks\.slack\.com/)[\w./-]+"
)
"""Tokens, keys, passwords in addresses, and the addresses of sockets and of responses."""
_QUIET: Final = ("slack_bolt", "slack_sdk", "httpx", "httpcore", "sqlalchemy", "alembic", "aiosqlite", "asyncio")
"""Libraries that write whole requests, tokens included, at debug, and a line each at info."""
REPLACEMENT: Final = "[secret]"
_MATCHES_NOTHING: Final = r"(?!)"
MIN_CHARS_ANYWHERE: Final = 6
"""A shorter secret may be a part of some word. Replaced there too, it would make the log unreadable."""


def new_incident_id() -> str:
    """Return a short id that ties a message in Slack to its lines in the log."""
    return "".join(secrets.choice(INCIDENT_ALPHABET) for _ in range(8))


def current_incident() -> str:
    """Return the incident id of the current task, or a new one where it has none."""
    return str(structlog.contextvars.get_contextvars().get("incident") or new_incident_id())


def configure_logging(level: str, fmt: Literal["text", "json"], known_secrets: Iterable[str]) -> None:
    """Set up the logging of the process, that of libraries included.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        fmt: `text` or `json`.
        known_secrets: texts that must never appear, besides tokens of known shapes.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        # Without the locals of each frame, structlog's default: they hold whatever people and Slack sent.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    if fmt == "text":
        last = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    redact = _Redactor(known_secrets)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _RedactingFormatter(
            redact,
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Redactor:
    """Replaces the secrets in a finished line."""

    def __init__(self, known: Iterable[str]) -> None:
        spellings: set[str] = set()
        for text in filter(None, known):
            as_json = (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True))
            spellings.update((text, *as_json, repr(text)[1:-1], quote(text, safe="")))
        patterns = []
        for spelling in sorted(spellings, key=len, reverse=True):
            anywhere = re.escape(spelling)
            is_long = len(spelling) >= MIN_CHARS_ANYWHERE
            patterns.append(anywhere if is_long else rf"(?<![A-Za-z0-9]){anywhere}(?![A-Za-z0-9])")
        # In one pass, so that the replacement of one secret is not searched for the next.
        self._known = re.compile("|".join(patterns) or _MATCHES_NOTHING)

    def __call__(self, line: str) -> str:
        return _TOKEN_PATTERN.sub(REPLACEMENT, self._known.sub(REPLACEMENT, line))


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Redacts each finished line as the last step before it is written."""

    def __init__(self, redact: _Redactor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))
