"""A form that could not be taken in before its acknowledgement was due: it stays open, and says why."""

from typing import Final

import structlog

from flowbot import logs
from flowbot.domain.validation import FieldProblem
from flowbot.errors import Fault
from flowbot.locales import Translator

_KEYS: Final = {"fault.database_unsure": "form.unsure", "fault.database_full": "fault.database_full"}

log = structlog.get_logger(__name__)


def unkept(error: Exception, t: Translator) -> FieldProblem:
    """What to say of a form of which nothing is kept, or not for certain; `error` is written down.

    Args:
        error: what was raised while it was being taken in: a fault, a TimeoutError, or something unexpected.
        t: the words of the person whose form it is.

    Returns:
        A sentence with the incident's code, which the log has too.
    """
    return FieldProblem("form.untaken", {"said": t(_key(error)), "incident": logs.current_incident()})


def _key(error: Exception) -> str:
    if isinstance(error, Fault):
        log.warning("fault", key=str(error), cause=str(error.__cause__ or ""))
        return _KEYS.get(error.key, "form.not_kept")
    if isinstance(error, TimeoutError):
        log.warning("fault", key="slow")
        return "form.unsure"
    log.error("unexpected", exc_info=error)
    return "fault.unexpected"
