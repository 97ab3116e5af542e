"""Validation of a form: from what was typed to the desired flow, or its problems."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import (
    DEFAULT_TTL_SECONDS,
    FIELD_GROUPS,
    FIELD_NAMES,
    MAX_WAIT_BY_UNIT,
    REQUIRED_FIELDS,
    TTL_SECONDS,
    WAIT_UNITS,
    FormKind,
    FormValues,
    _normalize_newlines,
    fits_field,
    form_values,
    reset_segment,
)
from flowbot.domain.flow import (
    ALL_SUBSCRIBERS,
    NO_BUTTON,
    DesiredFlow,
    Flow,
    FlowButton,
    FlowContent,
    WaitTime,
    WriteOnlyFields,
)
from flowbot.domain.ids import WebsiteId, parse_id, parse_website_id
from flowbot.domain.text import is_blank
from flowbot.domain.urls import is_web_url
from flowbot.errors import Text

INVALID_URL_KEY: Final = "form.problem_url"
"""The key of what is wrong with a text that should be an address and is none."""


_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


_HALF: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """A form that was looked at: what is wanted or, where that is None, what is wrong, by field."""

    wanted: DesiredFlow | None
    problems: Mapping[str, Text]


def rebase_values(typed: FormValues, before: Flow, now: Flow) -> dict[str, str]:
    """What was typed about a flow as it was `before`, for the flow as it is `now`.

    What was typed stays. What was left alone follows the flow, so that nobody takes back unknowingly what somebody else
    has changed meanwhile.
    """
    form = _FormValidator(typed, before)
    left_alone = {name for name in FIELD_NAMES if form.stays(name)}
    for pair in FIELD_GROUPS:
        if not left_alone.issuperset(pair):
            left_alone.difference_update(pair)
    has = form_values(now)
    moved = dict(typed) | {name: has[name] for name in left_alone}
    return moved if moved["website"] == typed.get("website") else reset_segment(moved, now)


def matches_flow(typed: FormValues, before: Flow, kind: ChangeKind) -> bool:
    """Whether a form holds just what it showed at first.

    Args:
        typed: what it holds.
        before: the flow that is edited, or that a new one begins as.
        kind: EDIT or CREATE.
    """
    form, segment = _FormValidator(typed, before), "" if kind is ChangeKind.EDIT else ALL_SUBSCRIBERS
    others_stay = all(form.stays(name) for name in FIELD_NAMES if name != "segment")
    return others_stay and form.given("segment") == segment


def is_optional(name: str, before: Flow | None) -> bool:
    """Whether the form may be sent with this field empty.

    Args:
        name: the field.
        before: the flow that is edited, if one is: what it lacks, or what the form cannot hold, need not be typed.
    """
    if name not in REQUIRED_FIELDS:
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
    """What the form asks for, or what is wrong with it.

    Texts are kept exactly as typed; around URLs and numbers, blanks are dropped. Where a flow is edited, a value that
    it has is never wrong, nor is an empty field whose value the form cannot hold: it stays, as does what is not told.

    Args:
        typed: what was typed; a field that is missing is empty.
        kind: what the form is for.
        before: the flow as the form showed it. It counts where it is edited.
        websites: those that may be chosen.
        segment_website: whose segments the form offered, where known: another website's segment is refused.
    """
    form = _FormValidator(typed, before if kind is FormKind.EDIT else None)
    wanted = DesiredFlow(form.content(websites), form.unread(segment_website), form.given("image") or None)
    form.refuse_halves()
    return ValidationResult(None if form.problems else wanted, form.problems)


def draft_content(typed: FormValues) -> FlowContent:
    """What was typed as a content to look at, however incomplete it is; never one to write."""
    return _FormValidator(typed, None).content(())


def parse_wait(typed: FormValues, before: Flow | None) -> WaitTime | None:
    """The wait that was typed; None where it is none.

    Args:
        typed: what was typed.
        before: the flow that is edited; the wait that it has is one, whatever it is.
    """
    form = _FormValidator(typed, before)
    wait = form.content(()).wait
    return None if {"wait", "wait_unit"} & form.problems.keys() else wait


class _FormValidator:
    """One look at a form: every field is read once, and what is wrong is gathered on the way."""

    def __init__(self, typed: FormValues, before: Flow | None) -> None:
        self._typed = typed
        self._before = before
        self._had = form_values(before) if before else {}
        self.problems: dict[str, Text] = {}

    def content(self, websites: Collection[WebsiteId]) -> FlowContent:
        return FlowContent(
            website_id=self._website(websites),
            name=self._words("name"),
            title=self._words("title"),
            description=self._words("description"),
            wait=self._wait(),
            url=self._url("url"),
            ttl=self._ttl(),
            is_silent=bool(self.given("silent")),
            is_auto_hide=bool(self.given("auto_hide")),
            button_1=self._button(1),
            button_2=self._button(2),
        )

    def unread(self, segment_website: WebsiteId | None) -> WriteOnlyFields:
        return WriteOnlyFields(
            self._segment(segment_website), *(self._utm(name) for name in ("source", "medium", "campaign"))
        )

    def refuse_halves(self) -> None:
        """Refuse texts with half a character (a lone surrogate), which nothing on the wire can hold."""
        for name in FIELD_NAMES:
            if not self.stays(name) and _HALF.search(self.given(name)):
                self._refuse(name, "form.problem_text")

    def given(self, name: str) -> str:
        return self._typed.get(name, "")

    def _refuse(self, name: str, key: str) -> None:
        self.problems.setdefault(name, Text(key))

    def stays(self, name: str) -> bool:
        """Whether the field is as the flow has it. Slack may have turned its line ends into its own."""
        had, given = self._had.get(name), self.given(name)
        return had is not None and (
            _normalize_newlines(given) == _normalize_newlines(had) or (not given and not fits_field(name, had))
        )

    def _words(self, name: str) -> str:
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
        unit = self._unit()
        return WaitTime(self._amount(unit), unit)

    def _unit(self) -> str:
        if self.stays("wait_unit"):
            return self._had["wait_unit"]
        given = self.given("wait_unit")
        if given not in WAIT_UNITS:
            self._refuse("wait_unit", "form.problem_choice" if given else "form.problem_required")
        return given

    def _amount(self, unit: str) -> int:
        given = self.given("wait").strip()
        significant = given.lstrip("0")
        most = MAX_WAIT_BY_UNIT.get(unit, MAX_WAIT_BY_UNIT["minutes"])
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
        """Both parts or none; a pair that the flow has is left alone, whatever it is."""
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
            return self._untold_segment()
        if given != ALL_SUBSCRIBERS and parse_id(given) is None:
            self._refuse("segment", "form.problem_choice")
        elif given != ALL_SUBSCRIBERS and offered_for is not None and self.given("website") != str(offered_for):
            self._refuse("segment", "form.problem_segment_website")
        return given

    def _untold_segment(self) -> str | None:
        """Nothing chosen: all subscribers for a new flow; else what it has, which cannot follow to another website."""
        if self._before and not self.stays("website"):
            self._refuse("segment", "form.problem_segment_website")
        return None if self._before else ALL_SUBSCRIBERS

    def _utm(self, name: str) -> str | None:
        given = self.given(f"utm_{name}")
        return given if given.strip() else None
