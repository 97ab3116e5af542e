"""A flow as Enkapush has it, its content, and how two of them differ."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.ids import FlowId, WebsiteId

DEFAULT_TTL_SECONDS: Final = 2_419_200
"""Four weeks: what Enkapush takes where nothing is said (the API's page "Akışlar", `ttl`)."""
ALL_SUBSCRIBERS: Final = "all"
"""The segment of all subscribers (same page, `segment`)."""

PUBLIC_FIELDS: Final = frozenset({"name", "website_id", "is_enabled"})
"""What people of another organisation, in a shared channel, may read of a flow."""


@dataclass(frozen=True, slots=True)
class FlowButton:
    """A button under the notification; `title` and `url` are both as written, either may be empty."""

    title: str
    url: str


NO_BUTTON: Final = FlowButton("", "")


@dataclass(frozen=True, slots=True)
class WaitTime:
    """The time from subscribing to the notification; `unit` is `minutes`, `hours` or `days`."""

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
        """Return displayed of sent, from 0 to 1; None where nothing was sent."""
        return self.displayed / self.sent if self.sent else None

    @property
    def click_rate(self) -> float | None:
        """Return clicked of displayed, from 0 to 1; None where nothing was displayed."""
        return self.clicked / self.displayed if self.displayed else None

    @property
    def close_rate(self) -> float | None:
        """Return closed of displayed, from 0 to 1; None where nothing was displayed."""
        return self.closed / self.displayed if self.displayed else None


@dataclass(frozen=True, slots=True)
class FlowContent:
    """The part of a flow that people set and Enkapush lets be read back. `ttl` is in seconds, or None."""

    website_id: WebsiteId
    name: str
    title: str
    description: str
    wait: WaitTime
    url: str = ""
    ttl: int | None = DEFAULT_TTL_SECONDS
    is_silent: bool = False
    is_auto_hide: bool = False
    button_1: FlowButton = NO_BUTTON
    button_2: FlowButton = NO_BUTTON

    @staticmethod
    def of(flow: "Flow") -> "FlowContent":
        """Return the content of `flow` and nothing else, to keep it or to compare it for equality."""
        return FlowContent(**{each.name: getattr(flow, each.name) for each in fields(FlowContent)})

    @property
    def buttons(self) -> tuple[FlowButton, FlowButton]:
        """Return both buttons."""
        return self.button_1, self.button_2


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(FlowContent):
    """A flow as Enkapush has it: its content and the rest. The times know their zone; any of them may be None."""

    id: FlowId
    is_enabled: bool
    image_url: str | None = None
    totals: Totals = field(default_factory=Totals)
    last_sent_at: datetime | None = None
    changed_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WriteOnlyFields:
    """The fields that can be written and never read back. None leaves a field as it is."""

    segment: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None

    @property
    def is_empty(self) -> bool:
        """Check whether there is nothing to write."""
        return self == WriteOnlyFields()


@dataclass(frozen=True, slots=True)
class DesiredFlow:
    """A flow as a person wants it: its content, its write-only fields, and the id of a stored image, if any."""

    content: FlowContent
    unread: WriteOnlyFields = WriteOnlyFields()
    image: str | None = None

    @property
    def write_only(self) -> WriteOnlyFields:
        """Return the write-only fields, which are stored under an older name."""
        return self.unread


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that differs: its name, and both values: None where there is none, or where `is_hidden` from readers."""

    field: str
    before: Any
    after: Any
    is_hidden: bool = False


def content_differences(before: FlowContent, after: FlowContent) -> tuple[FieldDifference, ...]:
    """List the fields that differ, in the order of the form."""
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in fields(FlowContent))
    return tuple(FieldDifference(name, old, new) for name, old, new in pairs if old != new)


def hide_values(differences: Iterable[FieldDifference]) -> tuple[FieldDifference, ...]:
    """Return the differences without values, but for name, website and state, which everybody may read."""
    return tuple(
        each if each.field in PUBLIC_FIELDS else FieldDifference(each.field, None, None, is_hidden=True)
        for each in differences
    )


def is_unchanged(wanted: DesiredFlow, flow: Flow) -> bool:
    """Check whether `wanted` would leave the flow as it is."""
    return wanted.image is None and wanted.write_only.is_empty and not content_differences(wanted.content, flow)


def is_equivalent(one: FlowContent, other: FlowContent) -> bool:
    """Compare two contents, ignoring blank space around texts, which a server may trim."""
    return all(_trimmed(each.before) == _trimmed(each.after) for each in content_differences(one, other))


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def rebase_content(wanted: FlowContent, before: FlowContent, current: FlowContent) -> FlowContent:
    """Apply to `current` the changes that lead from `before` to `wanted`; other changes made since stay."""
    return replace(
        current, **{difference.field: difference.after for difference in content_differences(before, wanted)}
    )


def fingerprint(flow: Flow) -> str:
    """Hash everything that an approval is about: the content, the image, and whether the flow is enabled.

    Totals and timestamps do not count (README, "Requests").
    """
    bound = {"content": asdict(FlowContent.of(flow)), "image_url": flow.image_url, "is_enabled": flow.is_enabled}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def flow_differences(before: Flow, after: Flow) -> Iterator[FieldDifference]:
    """Yield the fields that differ, of all that the fingerprint covers."""
    yield from content_differences(before, after)
    for name in ("image_url", "is_enabled"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield FieldDifference(name, old, new)
