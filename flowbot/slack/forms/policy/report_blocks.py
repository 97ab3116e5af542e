"""The elements of the policy form's fields about what flowbot reports by itself, and in which language."""

from datetime import time
from typing import Final

from flowbot.domain.policy import MAX_MIN_SENT, WatchTell
from flowbot.domain.text import cut_utf16
from flowbot.domain.weekly_time import WeeklyTime
from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.translator import Translator
from flowbot.i18n.weekdays import read_weekly_time
from flowbot.services.policy_checks import PolicyField
from flowbot.slack.forms.policy.numbers import PERCENT, is_whole_number, read_percentage
from flowbot.slack.forms.policy.report_input import ReportInput
from flowbot.slack.forms.widgets import option, select_input
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.policy import WATCH_KEYS, format_weekly_time

_EXAMPLE: Final = WeeklyTime(0, time(9))
_DIGEST_MAX: Final = 50
"""In characters."""
_DEFAULT: Final = "default"


def report_elements(typed: ReportInput, t: Translator) -> dict[PolicyField, tuple[bool, Element]]:
    """Build the fields' elements, each with whether it is set."""
    default = ReportInput()
    languages = [option(t("setup.language_default"), _DEFAULT)]
    languages += [option(t.format_language(language), language) for language in LANGUAGES]
    tells = [option(t(WATCH_KEYS[tell]), tell) for tell in WatchTell]
    at = read_weekly_time(typed.digest)
    digest = format_weekly_time(at, t) if at else typed.digest
    shown_digest = {"initial_value": cut_utf16(digest, _DIGEST_MAX)} if digest else {}
    has_breaker = bool(typed.min_click_rate or typed.max_close_rate) or typed.min_sent != default.min_sent
    chosen = ActionId.SETUP_CHOSEN
    return {
        PolicyField.LANGUAGE: (bool(typed.language), select_input(chosen, languages, typed.language or _DEFAULT)),
        PolicyField.WATCH: (typed.tell != default.tell, select_input(chosen, tells, typed.tell)),
        PolicyField.BREAKER_SENT: (has_breaker, whole_number_input(typed.min_sent, MAX_MIN_SENT)),
        PolicyField.BREAKER_CLICKS: (has_breaker, _percentage_input(typed.min_click_rate)),
        PolicyField.BREAKER_CLOSES: (has_breaker, _percentage_input(typed.max_close_rate)),
        PolicyField.DIGEST: (
            bool(typed.digest),
            {"type": "plain_text_input", "max_length": _DIGEST_MAX} | shown_digest,
        ),
    }


def format_digest_hint(t: Translator) -> str:
    """Return the digest's hint, with an example in the reader's words."""
    return t("setup.hint_digest", example=format_weekly_time(_EXAMPLE, t))


def whole_number_input(value: str, most: int) -> Element:
    """Build a field for a whole number from 1."""
    limits = {"is_decimal_allowed": False, "min_value": "1", "max_value": str(most)}
    return {"type": "number_input"} | limits | ({"initial_value": value} if is_whole_number(value, most) else {})


def _percentage_input(value: str) -> Element:
    limits = {"is_decimal_allowed": True, "min_value": "0", "max_value": str(PERCENT)}
    shown = read_percentage(value) is not None
    return {"type": "number_input"} | limits | ({"initial_value": value} if shown else {})
