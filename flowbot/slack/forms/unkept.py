"""A form that could not be taken in before its acknowledgement was due: it stays open, and says why."""

from typing import Final

import structlog

from flowbot.errors import Fault

_KEYS: Final = {"fault.database_unsure": "form.unsure", "fault.database_full": "fault.database_full"}

log = structlog.get_logger(__name__)


def unkept(error: Exception) -> str:
    """What to say of a form of which nothing is kept, or not for certain; `error` is written down.

    Args:
        error: what was raised while it was being taken in: a fault, a TimeoutError, or something unexpected.

    Returns:
        A message's id.
    """
    if isinstance(error, Fault):
        log.warning("form.not_kept", error=str(error), cause=str(error.__cause__ or ""))
        return _KEYS.get(error.key, "form.not_kept")
    if isinstance(error, TimeoutError):
        log.warning("form.not_kept", error="slow")
        return "form.unsure"
    log.error("unexpected", exc_info=error)
    return "fault.unexpected"
