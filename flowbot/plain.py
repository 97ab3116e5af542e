"""What the operator reads of a fault: a command's last words, or a line of `flowbot check`."""

from typing import Final
from zoneinfo import ZoneInfo

from flowbot.errors import DependencyError
from flowbot.locales import Locales

CAUSE_MAX: Final = 300


def told(fault: DependencyError) -> str:
    """The fault's sentence in English, with the first line of its cause, if that says anything: a single line."""
    words = Locales(fixed="en", zone=ZoneInfo("UTC")).translator(None)
    sentence = " ".join(words(fault.key, **fault.params).split())
    return with_cause(sentence, fault)


def with_cause(sentence: str, fault: DependencyError) -> str:
    """A sentence about the fault, with the first line of its cause, if that says anything."""
    said = (line.strip() for line in str(fault.__cause__ or "").splitlines())
    cause = next(filter(None, said), type(fault.__cause__).__name__ if fault.__cause__ else "")
    return f"{sentence} ({cause[:CAUSE_MAX]})" if cause else sentence
