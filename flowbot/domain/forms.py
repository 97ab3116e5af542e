"""The flow form without its looks: its fields, what they hold at first, and what makes of them a flow that is wanted.

What was typed is text by field: a checkbox is `1` or empty, a menu is the value chosen (a website's id, seconds, a
unit, `all` or a segment's id), and what was not touched is empty.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from flowbot.domain.changes import Kind
from flowbot.domain.content import EVERYONE_SUBSCRIBED, NO_BUTTON, TTL_SECONDS, WAIT_UNITS, Content, Unread, Wanted
from flowbot.domain.flows import Button, Flow, Wait
from flowbot.domain.links import is_web_url
from flowbot.domain.texts import is_blank, size
from flowbot.domain.types import WebsiteId, id_of, website_id

Typed = Mapping[str, str]
"""What was typed, by field."""

FIELDS: Final = (
    "website", "name", "title", "description", "url", "image", "wait", "wait_unit", "segment",
    "button_1_title", "button_1_url", "button_2_title", "button_2_url",
    "silent", "auto_hide", "ttl", "utm_source", "utm_medium", "utm_campaign",
)  # fmt: skip
"""The form's fields in their order. `image` holds the id of a picture that is kept already, if any."""
REQUIRED: Final = frozenset({"website", "name", "title", "description", "wait", "wait_unit"})
"""What Enkapush wants of a new flow (the API's page "Akışlar", `POST /flows`)."""

INPUT_MAX: Final = 3000
"""Characters that a text field of Slack's holds, as UTF-16 units."""
CHOICE_MAX: Final = 150
"""Characters that the value of an entry of Slack's menus holds."""
DEFAULT_TTL: Final = 2_419_200
"""Four weeks: what Enkapush itself takes where nothing is said (same page, `ttl`)."""
WAIT_MOST: Final = {"minutes": 525_600, "hours": 8_760, "days": 365}
"""365 days in each unit. Enkapush states no limit; a longer wait is a slip of the hand."""

NO_ADDRESS: Final = "form.problem_url"
"""The key of what is wrong with a text that should be an address and is none."""

_TOGETHER: Final = (
    ("wait", "wait_unit"), ("button_1_title", "button_1_url"), ("button_2_title", "button_2_url"),
)  # fmt: skip
"""Fields of which one says nothing without the other."""

_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_HALF: Final = re.compile(r"[\ud800-\udfff]")


class FormKind(StrEnum):
    """What the form is for."""

    CREATE = "create"
    EDIT = "edit"
    DUPLICATE = "duplicate"

    @property
    def change(self) -> Kind:
        """The change that it asks for: a duplicate is made like any new flow."""
        return Kind.EDIT if self is FormKind.EDIT else Kind.CREATE


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence for people: a message's key with its parameters."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """A form that was looked at: what is wanted or, where that is None, what is wrong, by field."""

    wanted: Wanted | None
    problems: Mapping[str, Problem]


def defaults(website: WebsiteId | None) -> dict[str, str]:
    """What the form for a new flow holds at first."""
    given = {"wait": "1", "wait_unit": "days", "ttl": str(DEFAULT_TTL), "segment": EVERYONE_SUBSCRIBED}
    return dict.fromkeys(FIELDS, "") | given | {"website": "" if website is None else str(website)}


def typed_of(flow: Flow) -> dict[str, str]:
    """What the form for editing `flow` holds at first. What Enkapush never tells is empty."""
    first, second = flow.buttons
    return dict.fromkeys(FIELDS, "") | {
        "website": str(flow.website_id),
        "name": flow.name,
        "title": flow.title,
        "description": flow.description,
        "url": flow.url,
        "wait": str(flow.wait.amount),
        "wait_unit": flow.wait.unit,
        "button_1_title": first.title,
        "button_1_url": first.url,
        "button_2_title": second.title,
        "button_2_url": second.url,
        "silent": "1" if flow.is_silent else "",
        "auto_hide": "1" if flow.is_auto_hide else "",
        "ttl": "" if flow.ttl is None else str(flow.ttl),
    }


def copied(flow: Flow) -> dict[str, str]:
    """What the form for duplicating `flow` holds at first. Its segment is not known, so all subscribers are shown."""
    return typed_of(flow) | {"segment": EVERYONE_SUBSCRIBED}


def with_website(typed: Typed, before: Flow | None) -> dict[str, str]:
    """The same after another website was chosen: a segment belongs to one website, so it is chosen anew.

    Args:
        typed: with the new website.
        before: the flow that is edited; None where one is made. With its own website, its own segment stays.
    """
    own = before is not None and typed.get("website") == str(before.website_id)
    return dict(typed) | {"segment": "" if own else EVERYONE_SUBSCRIBED}


def rebased_typed(typed: Typed, before: Flow, now: Flow) -> dict[str, str]:
    """What was typed about a flow as it was `before`, for the flow as it is `now`.

    What was typed stays. What was left alone follows the flow, so that nobody takes back unknowingly what somebody else
    has changed meanwhile.
    """
    form = _Form(typed, before)
    left_alone = {name for name in FIELDS if form.stays(name)}
    for pair in _TOGETHER:
        if not left_alone.issuperset(pair):
            left_alone.difference_update(pair)
    has = typed_of(now)
    moved = dict(typed) | {name: has[name] for name in left_alone}
    return moved if moved["website"] == typed.get("website") else with_website(moved, now)


def is_as_shown(typed: Typed, before: Flow, kind: Kind) -> bool:
    """Whether a form holds just what it showed at first.

    Args:
        typed: what it holds.
        before: the flow that is edited, or that a new one begins as.
        kind: EDIT or CREATE.
    """
    form, segment = _Form(typed, before), "" if kind is Kind.EDIT else EVERYONE_SUBSCRIBED
    others_stay = all(form.stays(name) for name in FIELDS if name != "segment")
    return others_stay and form.given("segment") == segment


def fits(name: str, text: str) -> bool:
    """Whether the form's field can hold the text."""
    limit = CHOICE_MAX if name == "wait_unit" else INPUT_MAX
    return size(text) <= limit


def may_be_empty(name: str, before: Flow | None) -> bool:
    """Whether the form may be sent with this field empty.

    Args:
        name: the field.
        before: the flow that is edited, if one is: what it lacks, or what the form cannot hold, need not be typed.
    """
    if name not in REQUIRED:
        return True
    had = typed_of(before)[name] if before else None
    return had is not None and (is_blank(had) or not fits(name, had))


def check(
    typed: Typed,
    *,
    kind: FormKind,
    before: Flow | None,
    websites: Collection[WebsiteId],
    segment_website: WebsiteId | None = None,
) -> Checked:
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
    form = _Form(typed, before if kind is FormKind.EDIT else None)
    wanted = Wanted(form.content(websites), form.unread(segment_website), form.given("image") or None)
    form.refuse_halves()
    return Checked(None if form.problems else wanted, form.problems)


def sketch(typed: Typed) -> Content:
    """What was typed as a content to look at, however incomplete it is; never one to write."""
    return _Form(typed, None).content(())


def typed_wait(typed: Typed, before: Flow | None) -> Wait | None:
    """The wait that was typed; None where it is none.

    Args:
        typed: what was typed.
        before: the flow that is edited; the wait that it has is one, whatever it is.
    """
    form = _Form(typed, before)
    wait = form.content(()).wait
    return None if {"wait", "wait_unit"} & form.problems.keys() else wait


class _Form:
    """One look at a form: every field is read once, and what is wrong is gathered on the way."""

    def __init__(self, typed: Typed, before: Flow | None) -> None:
        self._typed = typed
        self._before = before
        self._had = typed_of(before) if before else {}
        self.problems: dict[str, Problem] = {}

    def content(self, websites: Collection[WebsiteId]) -> Content:
        return Content(
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

    def unread(self, segment_website: WebsiteId | None) -> Unread:
        return Unread(self._segment(segment_website), *(self._utm(name) for name in ("source", "medium", "campaign")))

    def refuse_halves(self) -> None:
        """Refuse texts with half a character (a lone surrogate), which nothing on the wire can hold."""
        for name in FIELDS:
            if not self.stays(name) and _HALF.search(self.given(name)):
                self._refuse(name, "form.problem_text")

    def given(self, name: str) -> str:
        return self._typed.get(name, "")

    def _refuse(self, name: str, key: str) -> None:
        self.problems.setdefault(name, Problem(key))

    def stays(self, name: str) -> bool:
        """Whether the field is as the flow has it. Slack may have turned its line ends into its own."""
        had, given = self._had.get(name), self.given(name)
        return had is not None and (_lines(given) == _lines(had) or (not given and not fits(name, had)))

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
            self._refuse(name, NO_ADDRESS)
        return url

    def _website(self, websites: Collection[WebsiteId]) -> WebsiteId:
        if self._before and self.stays("website"):
            return self._before.website_id
        given = self.given("website")
        website = website_id(given)
        if website not in websites:
            self._refuse("website", "form.problem_choice" if given else "form.problem_required")
        return website or WebsiteId(0)

    def _wait(self) -> Wait:
        if self._before and self.stays("wait") and self.stays("wait_unit"):
            return self._before.wait
        unit = self._unit()
        return Wait(self._amount(unit), unit)

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
        most = WAIT_MOST.get(unit, WAIT_MOST["minutes"])
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
        return offered.get(given, DEFAULT_TTL)

    def _button(self, number: int) -> Button:
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
        return Button(title, url) if title.strip() else NO_BUTTON

    def _segment(self, offered_for: WebsiteId | None) -> str | None:
        given = self.given("segment")
        if not given:
            return self._untold_segment()
        if given != EVERYONE_SUBSCRIBED and id_of(given) is None:
            self._refuse("segment", "form.problem_choice")
        elif given != EVERYONE_SUBSCRIBED and offered_for is not None and self.given("website") != str(offered_for):
            self._refuse("segment", "form.problem_segment_website")
        return given

    def _untold_segment(self) -> str | None:
        """Nothing chosen: all subscribers for a new flow; else what it has, which cannot follow to another website."""
        if self._before and not self.stays("website"):
            self._refuse("segment", "form.problem_segment_website")
        return None if self._before else EVERYONE_SUBSCRIBED

    def _utm(self, name: str) -> str | None:
        given = self.given(f"utm_{name}")
        return given if given.strip() else None


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
