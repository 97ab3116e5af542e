"""Mistakes in a policy file, described in plain words with their place."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import ErrorDetails

from flowbot.domain.approval_rule import MAX_SUBSCRIBERS, ApprovalRule, Gate, NotifyMode
from flowbot.domain.freezes import Freeze
from flowbot.domain.policy import BreakerRule, ChannelPolicy, DigestRule, PolicyBook, WatchRule, WatchTell
from flowbot.i18n.languages import LANGUAGES

_KEY_LENGTH: Final = 40
AUDIENCE_WORDS: Final = f"must be a number of subscribers: a whole number from 1 to {MAX_SUBSCRIBERS}"
_WEBSITE_WORDS: Final = "must be a website id: a whole number from 1 to 9223372036854775807"


def _list_words(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


_GATE_NAMES: Final = _list_words(Gate)
LANGUAGE_WORDS: Final = f"must be one of {_list_words(LANGUAGES)}"

_SHAPES: Final = {
    r"websites": 'must be a table of names, such as 1 = "Shop"',
    r"channels": "must be a list of [[channels]] tables",
    r"channels\[\d+\]": "must be a [[channels]] table",
    r"channels\[\d+\]\.id": "must be a channel id (C…, G… or D…, at most 63 characters)",
    r"channels\[\d+\]\.websites": 'must be a list of website ids, such as [1, 2], or "all"',
    r"channels\[\d+\]\.websites\[\d+\]": _WEBSITE_WORDS,
    r"channels\[\d+\]\.(viewers|editors|approvers)": 'must be a list of people (U…), user groups (S…) or "*"',
    r"channels\[\d+\]\.(viewers|editors|approvers)\[\d+\]": 'must be a person (U… or W…), a user group (S…) or "*"',
    r"channels\[\d+\]\.approval": "must be a table",
    r"channels\[\d+\]\.approval\.required_for": f"must be a list of {_GATE_NAMES}",
    r"channels\[\d+\]\.approval\.required_for\[\d+\]": f"must be one of {_GATE_NAMES}",
    r"channels\[\d+\]\.approval\.channel": "must be a channel id (C…, G… or D…)",
    r"channels\[\d+\]\.approval\.break_glass": "must be a list of people (U… or W…)",
    r"channels\[\d+\]\.approval\.break_glass\[\d+\]": "must be a person (U… or W…)",
    r"channels\[\d+\]\.approval\.escalate_to": 'must be a list of people (U…), user groups (S…) or "*"',
    r"channels\[\d+\]\.approval\.stages": 'must be a list of stages, such as [["S0LEGAL"], ["S0LEADS"]]',
    r"channels\[\d+\]\.approval\.stages\[\d+\]": 'must name at least one person (U…), user group (S…) or "*"',
    r"channels\[\d+\]\.approval\.(escalate_to\[\d+\]|stages\[\d+\]\[\d+\])": (
        'must be a person (U… or W…), a user group (S…) or "*"'
    ),
    r"channels\[\d+\]\.approval\.quorum_over": "must be a table of quorums by subscribers, such as { 10000 = 2 }",
    r"channels\[\d+\]\.approval\.notify": f"must be one of {_list_words(NotifyMode)}",
    r"channels\[\d+\]\.language": LANGUAGE_WORDS,
    r"channels\[\d+\]\.(watch|breaker|digest)": "must be a table",
    r"channels\[\d+\]\.watch\.tell": f"must be one of {_list_words(WatchTell)}",
    r"channels\[\d+\]\.breaker\.(min_click_rate|max_close_rate)": "must be a rate from 0 to 1, such as 0.002",
    r"channels\[\d+\]\.digest\.at": 'must be a weekday and a time, such as "mon 09:00"',
    r"freezes": "must be a list of [[freezes]] tables",
    r"freezes\[\d+\]": "must be a [[freezes]] table",
    r"freezes\[\d+\]\.channels": 'must be a list of channel ids, such as ["C0MARKETING"]; without it all are covered',
    r"freezes\[\d+\]\.channels\[\d+\]": "must be a channel id (C…, G… or D…)",
    r"freezes\[\d+\]\.half_day_from": 'must be a time in quotes, such as "13:00"',
    r"freezes\[\d+\]\.(from|to)": "must be a day of the years 2000 to 2999, without quotes, such as 2026-12-30",
    r"freezes\[\d+\]\.weekly": 'must be a list of days and hours, such as ["fri 17:00-24:00", "sat"]',
}
"""The value that belongs in each place, for a value of another kind."""

_ERROR_WORDS: Final = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
"""Errors of pydantic's, in plain words."""

_KEYS: Final = (
    (re.compile(r""), PolicyBook.model_fields),
    (re.compile(r"channels\[\d+\]"), ChannelPolicy.model_fields),
    (re.compile(r"channels\[\d+\]\.approval"), ApprovalRule.model_fields),
    (re.compile(r"channels\[\d+\]\.watch"), WatchRule.model_fields),
    (re.compile(r"channels\[\d+\]\.breaker"), BreakerRule.model_fields),
    (re.compile(r"channels\[\d+\]\.digest"), DigestRule.model_fields),
    (re.compile(r"freezes\[\d+\]"), [field.alias or name for name, field in Freeze.model_fields.items()]),
)


def describe_errors(errors: Sequence[ErrorDetails], document: Mapping[str, Any]) -> str:
    """Describe the first mistake, and the number of other places that have one."""
    found: dict[str, str] = {}
    for error in errors:
        place, value = _find_place(error, document)
        found.setdefault(place, _describe_error(error, place, value))
    # Of "not such a list" and "not such an entry of it" the second says it all.
    places = [
        place for place in found if not (place and any(each.startswith((f"{place}[", f"{place}.")) for each in found))
    ]
    others = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return f"{places[0] or 'file'}: {found[places[0]]}{others}"


def _find_place(error: ErrorDetails, document: Any) -> tuple[str, Any]:
    """Return the place of an error, as a person would write it, and the value that stands there.

    Pydantic mixes the kinds that it tried into the path; only what leads on in the document is the path, and at its
    end a key that is missing.
    """
    place, value = "", document
    for step in error["loc"]:
        if isinstance(value, dict) and isinstance(step, str) and (step in value or error["type"] == "missing"):
            place += ("." if place else "") + format_key(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            place += f"[{step}]"
            value = value[step]
    return place, value


def format_key(key: str) -> str:
    """Return a key as TOML writes it, not too long for one line."""
    shown = key if len(key) <= _KEY_LENGTH else f"{key[:_KEY_LENGTH]}…"
    return shown if re.fullmatch(r"[A-Za-z0-9_-]+", shown) else json.dumps(shown, ensure_ascii=True)


def _describe_error(error: ErrorDetails, place: str, value: Any) -> str:
    """Describe one mistake in plain words; for an unknown key, with the one that was perhaps meant."""
    kind = error["type"]
    if kind == "extra_forbidden":
        parent, _, key = place.rpartition(".")
        known = next((keys for pattern, keys in _KEYS if pattern.fullmatch(parent)), ())
        close = difflib.get_close_matches(key, known, n=1)
        return f"is not a known key; did you mean {close[0]}?" if close else "is not a known key"
    if kind == "value_error" and isinstance(value, dict):
        return str(error["ctx"]["error"])
    if kind not in {"missing", "too_long"}:
        for shape, words in _SHAPES.items():
            if re.fullmatch(shape, place):
                return words
    if error["loc"][-1:] == ("[key]",):
        return _WEBSITE_WORDS if place.startswith("websites.") else AUDIENCE_WORDS
    if kind == "value_error":
        return str(error["ctx"]["error"])
    return _ERROR_WORDS.get(kind, error["msg"]).format_map(error.get("ctx", {}))
