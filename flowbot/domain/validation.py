"""Validation of a form: from its values to the desired flow, or to its problems."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import (
    FIELD_GROUPS,
    FIELDS,
    MAX_WAIT_BY_UNIT,
    TTL_SECONDS,
    WAIT_UNITS,
    FormKind,
    FormValues,
    fits_field,
    form_values,
    reset_segment,
)
from flowbot.domain.flow import (
    ALL_SUBSCRIBERS,
    DEFAULT_TTL_SECONDS,
    NO_BUTTON,
    DesiredFlow,
    Flow,
    FlowButton,
    FlowContent,
    WaitTime,
    WriteOnlyFields,
)
from flowbot.domain.ids import WebsiteId, parse_id, parse_website_id
from flowbot.domain.text import is_blank, normalize_newlines
from flowbot.domain.urls import is_web_url
from flowbot.errors import Text

INVALID_URL_KEY: Final = "form.problem_url"
"""The key of the problem of a text that is no valid URL."""
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """The desired flow of a form or, where that is None, its problems by field."""

    wanted: DesiredFlow | None
    problems: Mapping[str, Text]


def rebase_values(typed: FormValues, before: Flow, now: Flow) -> dict[str, str]:
    """Move the values of a form about a flow as it was `before` onto the flow as it is `now`.

    What was typed stays; what was left alone follows the flow, so that nobody undoes another's change unknowingly.
    """
    form = _FormValidator(typed, before)
    left_alone = {name for name in FIELDS if form.stays(name)}
    for pair in FIELD_GROUPS:
        if not left_alone.issuperset(pair):
            left_alone.difference_update(pair)
    has = form_values(now)
    moved = dict(typed) | {name: has[name] for name in left_alone}
    return moved if moved["website"] == typed.get("website") else reset_segment(moved, now)


def matches_flow(typed: FormValues, before: Flow, kind: ChangeKind) -> bool:
    """Check whether a form still has the values that it showed at first.

    Args:
        typed: its values.
        before: the flow that is edited or duplicated.
        kind: EDIT or CREATE.
    """
    form = _FormValidator(typed, before)
    segment = "" if kind is ChangeKind.EDIT else ALL_SUBSCRIBERS
    return form.given("segment") == segment and all(form.stays(name) for name in FIELDS if name != "segment")


def is_optional(name: str, before: Flow | None) -> bool:
    """Check whether the form may be submitted with this field empty.

    Args:
        name: the field.
        before: the flow that is edited, if one is: a value that it lacks, or that the form cannot hold, is optional.
    """
    if not FIELDS[name].is_required:
        return True
    had = form_values(before)[name] if before else None
    return had is not None and (is_blank(had) or not fits_field(name, had))


def validate_form(
    typed: FormValues,
    *,
    kind: FormKind,
    before: Flow | None,
    websites: Collection[WebsiteId],
    segment_website: WebsiteId | None = None,
) -> ValidationResult:
    """Turn the values of a form into the desired flow, or list their problems.

    Texts stay exactly as typed; blanks around URLs and numbers are dropped. In an edit, a value that the flow has is
    always valid, and an empty field leaves a value that the form cannot hold, or cannot read, as it is.

    Args:
        typed: the values; a missing field is empty.
        kind: the purpose of the form.
        before: the flow as the form showed it; used where that is edited.
        websites: the websites that may be chosen.
        segment_website: the website whose segments the form offered, where known: others' segments are refused.
    """
    form = _FormValidator(typed, before if kind is FormKind.EDIT else None)
    wanted = DesiredFlow(form.content(websites), form.write_only(segment_website), form.given("image") or None)
    form.refuse_lone_surrogates()
    return ValidationResult(None if form.problems else wanted, form.problems)


def draft_content(typed: FormValues) -> FlowContent:
    """Return the values as a content for a preview, however incomplete; never for writing."""
    return _FormValidator(typed, None).content(())


def parse_wait(typed: FormValues, before: Flow | None) -> WaitTime | None:
    """Return the wait that was typed, or None where it is invalid.

    Args:
        typed: the form's values.
        before: the flow that is edited, if one is; its own wait is always valid.
    """
    form = _FormValidator(typed, before)
    wait = form.content(()).wait
    return None if {"wait", "wait_unit"} & form.problems.keys() else wait


class _FormValidator:
    """Reads each field of a form and collects the problems."""

    def __init__(self, typed: FormValues, before: Flow | None) -> None:
        self._typed = typed
        self._before = before
        self._had = form_values(before) if before else {}
        self.problems: dict[str, Text] = {}

    def content(self, websites: Collection[WebsiteId]) -> FlowContent:
        return FlowContent(
            website_id=self._website(websites),
            name=self._required_text("name"),
            title=self._required_text("title"),
            description=self._required_text("description"),
            wait=self._wait(),
            url=self._url("url"),
            ttl=self._ttl(),
            is_silent=bool(self.given("silent")),
            is_auto_hide=bool(self.given("auto_hide")),
            button_1=self._button(1),
            button_2=self._button(2),
        )

    def write_only(self, segment_website: WebsiteId | None) -> WriteOnlyFields:
        utm = (self.given(f"utm_{name}") for name in ("source", "medium", "campaign"))
        return WriteOnlyFields(self._segment(segment_website), *(value if value.strip() else None for value in utm))

    def refuse_lone_surrogates(self) -> None:
        """Refuse texts with half a character, which cannot be sent."""
        for name in FIELDS:
            if not self.stays(name) and _LONE_SURROGATE.search(self.given(name)):
                self._refuse(name, "form.problem_text")

    def given(self, name: str) -> str:
        return self._typed.get(name, "")

    def _refuse(self, name: str, key: str) -> None:
        self.problems.setdefault(name, Text(key))

    def stays(self, name: str) -> bool:
        """Check whether the field is as the flow has it, but for line ends, which Slack may change."""
        had, given = self._had.get(name), self.given(name)
        if had is None:
            return False
        return normalize_newlines(given) == normalize_newlines(had) or (not given and not fits_field(name, had))

    def _required_text(self, name: str) -> str:
        if self.stays(name):
            return self._had[name]
        if is_blank(self.given(name)):
            self._refuse(name, "form.problem_required")
        return self.given(name)

    def _url(self, name: str) -> str:
        if self.stays(name):
            return self._had[name]
        url = self.given(name).strip()
        if url and not is_web_url(url):
            self._refuse(name, INVALID_URL_KEY)
        return url

    def _website(self, websites: Collection[WebsiteId]) -> WebsiteId:
        if self._before and self.stays("website"):
            return self._before.website_id
        given = self.given("website")
        website = parse_website_id(given)
        if website not in websites:
            self._refuse("website", "form.problem_choice" if given else "form.problem_required")
        return website or WebsiteId(0)

    def _wait(self) -> WaitTime:
        if self._before and self.stays("wait") and self.stays("wait_unit"):
            return self._before.wait
        unit = self._had["wait_unit"] if self.stays("wait_unit") else self.given("wait_unit")
        if not self.stays("wait_unit") and unit not in WAIT_UNITS:
            self._refuse("wait_unit", "form.problem_choice" if unit else "form.problem_required")
        return WaitTime(self._wait_amount(MAX_WAIT_BY_UNIT.get(unit, MAX_WAIT_BY_UNIT["minutes"])), unit)

    def _wait_amount(self, most: int) -> int:
        given = self.given("wait").strip()
        significant = given.lstrip("0")
        if not given:
            self._refuse("wait", "form.problem_required")
        elif not _DIGITS.fullmatch(given) or not significant:
            self._refuse("wait", "form.problem_number")
        elif len(significant) > len(str(most)) or int(significant) > most:
            self._refuse("wait", "form.problem_wait_long")
        else:
            return int(significant)
        return 1

    def _ttl(self) -> int | None:
        given = self.given("ttl")
        if self._before and (not given or self.stays("ttl")):
            return self._before.ttl
        offered = {str(seconds): seconds for seconds in TTL_SECONDS}
        if given and given not in offered:
            self._refuse("ttl", "form.problem_choice")
        return offered.get(given, DEFAULT_TTL_SECONDS)

    def _button(self, number: int) -> FlowButton:
        """Return the button, which has both parts or none; one that the flow has is always valid."""
        title_name, url_name = f"button_{number}_title", f"button_{number}_url"
        if self._before and self.stays(title_name) and self.stays(url_name):
            return self._before.buttons[number - 1]
        title = self._had[title_name] if self.stays(title_name) else self.given(title_name)
        url = self._url(url_name)
        if url and not title.strip():
            self._refuse(title_name, "form.problem_button_title")
        elif title.strip() and not url:
            self._refuse(url_name, "form.problem_button_url")
        return FlowButton(title, url) if title.strip() else NO_BUTTON

    def _segment(self, offered_for: WebsiteId | None) -> str | None:
        given = self.given("segment")
        if not given:
            # An edited flow keeps its segment, which cannot follow it to another website.
            if self._before and not self.stays("website"):
                self._refuse("segment", "form.problem_segment_website")
            return None if self._before else ALL_SUBSCRIBERS
        if given != ALL_SUBSCRIBERS and parse_id(given) is None:
            self._refuse("segment", "form.problem_choice")
        elif given != ALL_SUBSCRIBERS and offered_for is not None and self.given("website") != str(offered_for):
            self._refuse("segment", "form.problem_segment_website")
        return given
