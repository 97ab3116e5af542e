"""A flow as Enkapush has it, its content, and how two of them differ."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.ids import FlowId, WebsiteId


@dataclass(frozen=True, slots=True)
class FlowButton:
    """A button under the notification; `title` and `url` are both as written, either may be empty."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class WaitTime:
    """How long after subscribing the notification is sent; `unit` is `minutes`, `hours` or `days`."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Running totals of a flow's notifications, without history."""

    sent: int = 0
    displayed: int = 0
    clicked: int = 0
    closed: int = 0

    @property
    def display_rate(self) -> float | None:
        """Displayed of sent, from 0 to 1; None where nothing was sent."""
        return self.displayed / self.sent if self.sent else None

    @property
    def click_rate(self) -> float | None:
        """Clicked of displayed, from 0 to 1; None where nothing was displayed."""
        return self.clicked / self.displayed if self.displayed else None


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow whole. `ttl` is in seconds; the times know their zone. Either is None where Enkapush names none."""

    id: FlowId
    website_id: WebsiteId
    name: str
    title: str
    description: str
    wait: WaitTime
    is_enabled: bool
    url: str = ""
    image_url: str | None = None
    ttl: int | None = 2_419_200
    is_silent: bool = False
    is_auto_hide: bool = False
    buttons: tuple[FlowButton, FlowButton] = (FlowButton("", ""), FlowButton("", ""))
    totals: Totals = field(default_factory=Totals)
    last_sent_at: datetime | None = None
    changed_at: datetime | None = None
    created_at: datetime | None = None


NO_BUTTON: Final = FlowButton("", "")


ALL_SUBSCRIBERS: Final = "all"
"""The segment of all subscribers (same page, `segment`)."""


@dataclass(frozen=True, slots=True)
class FlowContent:
    """What a subscriber would see, who would get it and when, as far as Enkapush lets it be read back."""

    website_id: WebsiteId
    name: str
    title: str
    description: str
    wait: WaitTime
    url: str = ""
    ttl: int | None = 2_419_200
    is_silent: bool = False
    is_auto_hide: bool = False
    button_1: FlowButton = NO_BUTTON
    button_2: FlowButton = NO_BUTTON

    @classmethod
    def of(cls, flow: Flow) -> "FlowContent":
        """The content of `flow`."""
        first, second = flow.buttons
        return cls(
            website_id=flow.website_id,
            name=flow.name,
            title=flow.title,
            description=flow.description,
            wait=flow.wait,
            url=flow.url,
            ttl=flow.ttl,
            is_silent=flow.is_silent,
            is_auto_hide=flow.is_auto_hide,
            button_1=first,
            button_2=second,
        )


@dataclass(frozen=True, slots=True)
class WriteOnlyFields:
    """What can be written and never read back. None leaves it as it is."""

    segment: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self == WriteOnlyFields()


@dataclass(frozen=True, slots=True)
class DesiredFlow:
    """A flow as a person wants it: the content whole, what cannot be read back, and the id of a kept image, if any."""

    content: FlowContent
    unread: WriteOnlyFields = WriteOnlyFields()
    image: str | None = None


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that differs: its name, and both values (None where there is none)."""

    field: str
    before: Any
    after: Any


def content_differences(before: FlowContent, after: FlowContent) -> tuple[FieldDifference, ...]:
    """What differs, field by field, in the order of the form."""
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in fields(FlowContent))
    return tuple(FieldDifference(name, old, new) for name, old, new in pairs if old != new)


def is_unchanged(wanted: DesiredFlow, flow: Flow) -> bool:
    """Whether it would leave the flow as it is."""
    return wanted.image is None and wanted.unread.is_empty and wanted.content == FlowContent.of(flow)


def is_equivalent(one: FlowContent, other: FlowContent) -> bool:
    """Whether two contents are the same but for blank space around texts, which a server may trim."""
    return all(_bare(difference.before) == _bare(difference.after) for difference in content_differences(one, other))


def _bare(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def rebase_content(wanted: FlowContent, before: FlowContent, now: FlowContent) -> FlowContent:
    """`now` with the same fields changed that make `before` into `wanted`: what others changed besides stays."""
    return replace(now, **{difference.field: difference.after for difference in content_differences(before, wanted)})


def fingerprint(flow: Flow) -> str:
    """A hash of everything that an approval is about: the content, the picture, and whether it is enabled.

    Totals and timestamps do not count (README, "Requests").
    """
    bound = {"content": asdict(FlowContent.of(flow)), "image_url": flow.image_url, "is_enabled": flow.is_enabled}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def flow_differences(before: Flow, after: Flow) -> Iterator[FieldDifference]:
    """What differs of all that the fingerprint covers."""
    yield from content_differences(FlowContent.of(before), FlowContent.of(after))
    for name in ("image_url", "is_enabled"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield FieldDifference(name, old, new)
