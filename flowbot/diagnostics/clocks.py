"""The check of this machine's clock against the `Date` of answers from outside."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flowbot.diagnostics.results import CheckResult
from flowbot.services.clock import parse_date

MAX_DATE_DIFFERENCE: Final = timedelta(seconds=3)
"""Beyond what a `Date` can hide, which tells whole seconds, and far below the five minutes of Slack's signatures."""
DATE_STEP: Final = timedelta(seconds=1)
CLOCK_ADVICE: Final = {
    "Slack": "expiry goes by it, and past five minutes Slack's requests are refused; set it by NTP",
    "Enkapush": "set it by NTP, unless it agrees with Slack's: then Enkapush's is wrong",
}


@dataclass(frozen=True, slots=True)
class DatedAnswer:
    """The `Date` of an answer from outside, and when it was waited for by this machine's clock.

    Attributes:
        asked: Before the request left.
        received: After the answer came.
        date: The header, or None where there is none.
    """

    asked: datetime
    received: datetime
    date: str | None


def compare_clocks(whose: str, answer: DatedAnswer | None) -> CheckResult:
    """Compare this machine's clock with the `Date` of an answer; one that cannot be read is no failure.

    The answer was dated between asking and receiving, in any part of its second: only a difference beyond both counts.
    """
    name = f"{whose.lower()} clock"
    if answer is None:
        return CheckResult(name, passed=True, detail="not known, there was no answer")
    if (theirs := parse_date(answer.date)) is None:
        return CheckResult(name, passed=True, detail=f"not known, {whose}'s answer has no Date that can be read")
    least, most = answer.asked - theirs - DATE_STEP, answer.received - theirs
    if least <= MAX_DATE_DIFFERENCE and most >= -MAX_DATE_DIFFERENCE:
        bound = math.ceil(max(abs(least), abs(most)).total_seconds())
        return CheckResult(name, passed=True, detail=f"agrees with this machine's to within {bound} s")
    apart = ((least + most) / 2).total_seconds()
    where = "ahead of" if apart > 0 else "behind"
    detail = f"this machine's is {abs(apart):.0f} s {where} it: {CLOCK_ADVICE[whose]}"
    return CheckResult(name, passed=False, detail=detail)
