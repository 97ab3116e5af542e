"""Numbers that people type into the policy form."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from flowbot.errors import Text

PERCENT: Final = 100
_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def is_whole_number(typed: str, most: int) -> bool:
    """Check whether the text is a whole number from 1 to `most`."""
    return _WHOLE.fullmatch(typed) is not None and 1 <= int(typed) <= most


def find_number_problem(typed: str, most: int) -> Text | None:
    """Return what is wrong with a whole number from 1 to `most`."""
    return None if is_whole_number(typed, most) else Text("setup.problem_number", {"most": most})


def read_percentage(typed: str) -> float | None:
    """Read a percentage, such as `0.2` or `%0,2`, as a rate from 0 to 1; None for text that is none."""
    try:
        percent = Decimal(typed.replace("%", "").replace(",", ".").strip())
    except InvalidOperation:
        return None
    return float(percent / PERCENT) if percent.is_finite() and 0 <= percent <= PERCENT else None


def write_percentage(rate: float | None) -> str:
    """Write a rate as a percentage, such as `0.2`; nothing for None."""
    return "" if rate is None else f"{(Decimal(str(rate)) * PERCENT).normalize():f}"
