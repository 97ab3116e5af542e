"""Logs: one line an event, as text for people or JSON for machines, with a correlation id, and never a secret."""

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
    r"(xox[a-z]\.?[-.]|xapp-|xoxe\.)[A-Za-z0-9.-]+"
    r"|(?<=Bearer )[^\s'\",\\]+"
    r"|(?<=://)[^/@\s:'\"\\]*:[^/@\s'\"\\]*(?=@)"
    r"|(?<=[?&]ticket=)[^&\s'\",\\]+"
    r"|(?<=[?&]password=)[^&\s'\",\\]+"
    r"|(?<=hooks\.slack\.com/)[\w./-]+"
)
"""What opens a door: tokens, keys, passwords in addresses, the addresses of sockets and of answers."""


_QUIET: Final = ("slack_bolt", "slack_sdk", "httpx", "httpcore", "sqlalchemy", "alembic", "aiosqlite", "asyncio")


REPLACEMENT: Final = "[secret]"


_MATCHES_NOTHING: Final = r"(?!)"


SHORTEST_ANYWHERE: Final = 6
"""A secret with fewer characters than this may be a part of some word; blotted out there, no line could be read."""


def new_incident_id() -> str:
    """A short id that ties a sentence in Slack to its lines in the log."""
    return "".join(secrets.choice(INCIDENT_ALPHABET) for _ in range(8))


def bind_incident(**context: Any) -> str:
    """Give the current task an incident id, and the context that its lines carry."""
    incident = new_incident_id()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(incident=incident, **context)
    return incident


def current_incident() -> str:
    """The incident id of the current task."""
    return str(structlog.contextvars.get_contextvars().get("incident") or new_incident_id())


def configure_logging(level: str, fmt: Literal["text", "json"], known_secrets: Iterable[str]) -> None:
    """Set up all logging of the process, that of the libraries included.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        fmt: `text` or `json`.
        known_secrets: texts that must never appear; tokens of known shapes never do anyway.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        # Not the locals of every frame, as is structlog's way: they hold whatever people and Slack sent.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    if fmt == "text":
        last = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    redact = _Redaction(known_secrets)
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
        # These write whole requests, tokens included, at debug; and a line each at info.
        logging.getLogger(name).setLevel(logging.WARNING)


class _Redaction:
    """Takes secrets out of a finished line."""

    def __init__(self, known: Iterable[str]) -> None:
        spelled = {spelling for text in known if text for spelling in _spellings(text)}
        longest_first = sorted(spelled, key=len, reverse=True)
        # All at once: what was put in the place of one secret is not looked through for the next.
        self._known = re.compile("|".join(map(_secret_pattern, longest_first)) or _MATCHES_NOTHING)

    def __call__(self, line: str) -> str:
        return _TOKEN_PATTERN.sub(REPLACEMENT, self._known.sub(REPLACEMENT, line))


def _secret_pattern(spelling: str) -> str:
    """Where a secret stands: anywhere; one that is as short as a word, only where it is not a part of one."""
    anywhere = re.escape(spelling)
    return anywhere if len(spelling) >= SHORTEST_ANYWHERE else rf"(?<![A-Za-z0-9]){anywhere}(?![A-Za-z0-9])"


def _spellings(text: str) -> tuple[str, ...]:
    """The secret as it is, and as a quoting renderer would write it."""
    as_json = (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True))
    return text, *as_json, repr(text)[1:-1], quote(text, safe="")


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """The last thing that happens to a line before it is written: whatever it holds, no secret leaves."""

    def __init__(self, redact: _Redaction, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))
