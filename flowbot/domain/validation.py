"""Validation of a form: from its values to the desired flow, or to its problems."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import (
    FIELD_GROUPS,
    FIELDS,
    MAX_WAIT_BY_UNIT,
    PLAIN_FIELDS,
    TTL_SECONDS,
    FieldKind,
    FieldValue,
    FormKind,
    FormValues,
    duplicate_values,
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
from flowbot.domain.text import is_blank, normalize_newlines, plain_number, strip_invisible
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


def rebase_values(typed: FormValues, before: Flow, current: Flow) -> dict[str, str]:
    """Move the values of a form about a flow as it was `before` onto the flow `current`.

    What was typed stays; what was left alone follows the flow, so that nobody undoes another's change unknowingly. A
    field that the form did not have yet was left alone.
    """
    typed = {**form_values(before), **typed}
    form = _FormValidator(typed, before)
    left_alone = {name for name in FIELDS if form.stays(name)}
    for pair in FIELD_GROUPS:
        if not left_alone.issuperset(pair):
            left_alone.difference_update(pair)
    has = form_values(current)
    moved = dict(typed) | {name: has[name] for name in left_alone}
    return moved if moved["website"] == typed.get("website") else reset_segment(moved, current)


def matches_flow(typed: FormValues, before: Flow, kind: ChangeKind, known: WriteOnlyFields) -> bool:
    """Check whether a form still has the values that it showed at first.

    Args:
        typed: its values.
        before: the flow that is edited or duplicated.
        kind: EDIT or CREATE.
        known: what is known of the write-only fields of a flow that is duplicated.
    """
    form = _FormValidator(typed, before)
    first = form_values(before) if kind is ChangeKind.EDIT else duplicate_values(before, known)
    return all(
        form.given(name) == first[name] if each.is_write_only else form.stays(name) for name, each in FIELDS.items()
    )


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
        values: dict[str, Any] = {each.name: self._read(each.name, websites) for each in fields(FlowContent)}
        return FlowContent(**values)

    def write_only(self, segment_website: WebsiteId | None) -> WriteOnlyFields:
        texts = {each.attribute: self.given(name) for name, each in FIELDS.items() if each.is_write_only}
        others = {name: None if is_blank(text) else text for name, text in texts.items() if name != "segment"}
        return WriteOnlyFields(self._segment(segment_website), **others)

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

    def _read(self, attribute: str, websites: Collection[WebsiteId]) -> object:
        """Read an attribute of `FlowContent`."""
        match attribute:
            case "website_id":
                return self._website(websites)
            case "wait":
                return self._wait()
            case "button_1":
                return self._button(1)
            case "button_2":
                return self._button(2)
            case _:
                return self._plain(PLAIN_FIELDS[attribute])

    def _plain(self, name: str) -> FieldValue:
        """Read a field by its kind; one that stays is as the flow has it."""
        if self._before and self.stays(name):
            return FIELDS[name].get(self._before)
        value: FieldValue
        match FIELDS[name].kind:
            case FieldKind.URL:
                value = self._url(name)
            case FieldKind.NUMBER:
                value = self._number(name, FIELDS[name].max_number)
            case FieldKind.CHECKBOX:
                value = bool(self.given(name))
            case FieldKind.CHOICE:
                value = self._choice(name)
            case FieldKind.TTL:
                value = self._ttl(name)
            case _:
                value = self.given(name)
        self._require(name)
        return value

    def _require(self, name: str) -> None:
        """Refuse a required field that is blank, unless something else is wrong with it."""
        if FIELDS[name].is_required and is_blank(self.given(name)):
            self._refuse(name, "form.problem_required")

    def _choice(self, name: str) -> str:
        given = self.given(name)
        if given and given not in FIELDS[name].choices:
            self._refuse(name, "form.problem_choice")
        return given

    def _number(self, name: str, most: int, too_large: str = "form.problem_number") -> int | None:
        given = plain_number(self.given(name))
        significant = given.lstrip("0")
        if not given:
            return None
        if not _DIGITS.fullmatch(given) or not significant:
            self._refuse(name, "form.problem_number")
        elif len(significant) > len(str(most)) or int(significant) > most:
            self._refuse(name, too_large)
        else:
            return int(significant)
        return None

    def _url(self, name: str) -> str:
        if self.stays(name):
            return self._had[name]
        url = strip_invisible(self.given(name))
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
        unit = str(self._plain("wait_unit"))
        most = MAX_WAIT_BY_UNIT.get(unit, FIELDS["wait"].max_number)
        amount = self._number("wait", most, "form.problem_wait_long")
        self._require("wait")
        return WaitTime(amount or 1, unit)

    def _ttl(self, name: str) -> int | None:
        given = self.given(name)
        if self._before and not given:
            return self._before.ttl
        offered = {str(seconds): seconds for seconds in TTL_SECONDS}
        if given and given not in offered:
            self._refuse(name, "form.problem_choice")
        return offered.get(given, DEFAULT_TTL_SECONDS)

    def _button(self, number: int) -> FlowButton:
        """Return the button, which has both parts or none; one that the flow has is always valid."""
        title_name, url_name = f"button_{number}_title", f"button_{number}_url"
        if self._before and self.stays(title_name) and self.stays(url_name):
            return self._before.buttons[number - 1]
        title = self._had[title_name] if self.stays(title_name) else self.given(title_name)
        url = self._url(url_name)
        if url and is_blank(title):
            self._refuse(title_name, "form.problem_button_title")
        elif not is_blank(title) and not url:
            self._refuse(url_name, "form.problem_button_url")
        return NO_BUTTON if is_blank(title) else FlowButton(title, url)

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
