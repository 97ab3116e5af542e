"""What a person can set on a flow: as content, as a difference, as a fingerprint."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from flowbot.domain.flows import Button, Flow, Wait
from flowbot.domain.types import WebsiteId

TTL_SECONDS: Final = (
    0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 1209600, 2419200,
)  # fmt: skip
"""The times to live that Enkapush allows (the API's page "Akışlar", `ttl`)."""
WAIT_UNITS: Final = ("minutes", "hours", "days")
"""The units of waiting that Enkapush allows (same page, `wait_time_type`)."""
NO_BUTTON: Final = Button("", "")
EVERYONE_SUBSCRIBED: Final = "all"
"""The segment of all subscribers (same page, `segment`)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a subscriber would see, who would get it and when, as far as Enkapush lets it be read back."""

    website_id: WebsiteId
    name: str
    title: str
    description: str
    wait: Wait
    url: str = ""
    ttl: int | None = 2_419_200
    is_silent: bool = False
    is_auto_hide: bool = False
    button_1: Button = NO_BUTTON
    button_2: Button = NO_BUTTON

    @classmethod
    def of(cls, flow: Flow) -> "Content":
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
class Unread:
    """What can be written and never read back. None leaves it as it is."""

    segment: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self == Unread()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A flow as a person wants it: the content whole, what cannot be read back, and the id of a kept image, if any."""

    content: Content
    unread: Unread = Unread()
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs: its name, and both values (None where there is none)."""

    field: str
    before: Any
    after: Any


def differences(before: Content, after: Content) -> tuple[Difference, ...]:
    """What differs, field by field, in the order of the form."""
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in fields(Content))
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


def is_idle(wanted: Wanted, flow: Flow) -> bool:
    """Whether it would leave the flow as it is."""
    return wanted.image is None and wanted.unread.is_empty and wanted.content == Content.of(flow)


def alike(one: Content, other: Content) -> bool:
    """Whether two contents are the same but for blank space around texts, which a server may trim."""
    return all(_bare(difference.before) == _bare(difference.after) for difference in differences(one, other))


def _bare(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def rebased_content(wanted: Content, before: Content, now: Content) -> Content:
    """`now` with the same fields changed that make `before` into `wanted`: what others changed besides stays."""
    return replace(now, **{difference.field: difference.after for difference in differences(before, wanted)})


def fingerprint(flow: Flow) -> str:
    """A hash of everything that an approval is about: the content, the picture, and whether it is enabled.

    Totals and timestamps do not count (README, "Requests").
    """
    bound = {"content": asdict(Content.of(flow)), "image_url": flow.image_url, "is_enabled": flow.is_enabled}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def flow_differences(before: Flow, after: Flow) -> Iterator[Difference]:
    """What differs of all that the fingerprint covers."""
    yield from differences(Content.of(before), Content.of(after))
    for name in ("image_url", "is_enabled"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(name, old, new)
