"""A believable account to begin with; its words and figures are in `seeds.toml`."""

import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from flowbot.sandbox.enkapush.models import (
    DEFAULT_TTL,
    TTLS,
    WAIT_UNITS,
    ZONE,
    Flow,
    FlowFields,
    Image,
    Segment,
    SegmentType,
    WaitUnit,
    content_type_of,
)

_HERE = files("flowbot.sandbox.enkapush")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    website_id: int
    name: str
    age: int


class _SegmentEntry(_Entry):
    id: int
    type: SegmentType
    subscribers: int


class _FlowEntry(_Entry):
    title: str
    description: str
    url: str
    wait_time: int
    wait_time_type: WaitUnit
    image: str | None = None
    ttl: int = DEFAULT_TTL
    is_enabled: bool = False
    is_silent: bool = False
    is_auto_hide: bool = False
    segment: str = "all"
    buttons: tuple[tuple[str, str], ...] = Field((), max_length=2)
    utm: tuple[str, str, str] = ("", "", "")
    totals: tuple[int, int, int, int] = (0, 0, 0, 0)
    changed: int | None = None
    sent: int | None = None


class _Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: tuple[_SegmentEntry, ...]
    flows: tuple[_FlowEntry, ...]


def seed_flows(now: datetime) -> list[Flow]:
    """Return about forty flows over `WEBSITES`, oldest first, ids from 1.

    Args:
        now: The present, aware; all dates lie in the 14 months before it.
    """
    oldest_first = sorted(_account().flows, key=lambda entry: -entry.age)
    return [_flow(number, entry, _wall(now)) for number, entry in enumerate(oldest_first, start=1)]


def seed_segments(now: datetime) -> list[Segment]:
    """Return about ten segments over `WEBSITES`; dates as in `seed_flows`."""
    return [_segment(entry, _wall(now)) for entry in _account().segments]


def seed_image(name: str, file: str) -> Image:
    """Return one of the included pictures to be served under another name.

    Args:
        name: The last part of its URL.
        file: Such as `tent.jpg`.

    Raises:
        FileNotFoundError: There is no such picture.
    """
    content = (_HERE / "images" / file).read_bytes()
    return Image(name, content_type_of(content) or "application/octet-stream", content)


@cache
def _account() -> _Account:
    return _Account.model_validate(tomllib.loads((_HERE / "seeds.toml").read_text("utf-8")))


def _wall(now: datetime) -> datetime:
    return now.astimezone(ZONE).replace(tzinfo=None, microsecond=0)


def _before(wall: datetime, days: int, number: int) -> datetime:
    # A spread over the day that is the same at every start, and never later than now.
    return wall - timedelta(days=days, seconds=1 + (number * 7919) % 36000)


def _segment(entry: _SegmentEntry, wall: datetime) -> Segment:
    return Segment(
        id=entry.id,
        website_id=entry.website_id,
        name=entry.name,
        type=entry.type,
        total_subscribers=entry.subscribers,
        datetime=_before(wall, entry.age, entry.id),
    )


def _flow(number: int, entry: _FlowEntry, wall: datetime) -> Flow:
    flow = Flow(
        id=number,
        website_id=entry.website_id,
        name=entry.name,
        title=entry.title,
        description=entry.description,
        url=entry.url,
        image=seed_image(f"{number}-{entry.image}", entry.image) if entry.image else None,
        wait_time=entry.wait_time,
        wait_time_type=entry.wait_time_type,
        ttl=entry.ttl,
        is_enabled=entry.is_enabled,
        is_silent=entry.is_silent,
        is_auto_hide=entry.is_auto_hide,
        segment=entry.segment,
        datetime=_before(wall, entry.age, number),
    )
    fields: FlowFields = {
        **_buttons(entry),
        **_utm(entry),
        **_totals(entry),
        **_times(entry, flow.datetime, wall),
    }
    return replace(flow, **fields)


def _buttons(entry: _FlowEntry) -> FlowFields:
    (title_1, url_1), (title_2, url_2) = (*entry.buttons, ("", ""), ("", ""))[:2]
    return {
        "button_title_1": title_1,
        "button_url_1": url_1,
        "button_title_2": title_2,
        "button_url_2": url_2,
    }


def _utm(entry: _FlowEntry) -> FlowFields:
    source, medium, campaign = entry.utm
    return {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign}


def _totals(entry: _FlowEntry) -> FlowFields:
    sent, displayed, clicked, closed = entry.totals
    return {
        "total_sent_push_notifications": sent,
        "total_displayed_push_notifications": displayed,
        "total_clicked_push_notifications": clicked,
        "total_closed_push_notifications": closed,
    }


def _times(entry: _FlowEntry, created: datetime, wall: datetime) -> FlowFields:
    def moment(days: int | None) -> datetime | None:
        # A number of its own moves the time of day; nothing happens before the creation.
        return None if days is None else max(created, _before(wall, days, entry.age + days))

    return {"last_datetime": moment(entry.changed), "last_sent_datetime": moment(entry.sent)}


_FIRST = datetime.fromisoformat("2024-01-01")
_NAMES = ("Hoş geldin", "Sepet", "İndirim", "Welcome", "Win-back", "Price drop", "Yeni sezon", "Review", "Çok satan")
_TITLES = ("Seni özledik", "ILIK günler başladı", "Back in stock", "Kargo bedava", "Your cart is waiting")


def synthetic_flows(n: int, website_ids: Sequence[int] = (1, 2, 3), seed: int = 0) -> list[Flow]:
    """Return `n` flows with the ids 1 to `n` over the websites, the same ones for the same arguments.

    They are an hour apart, oldest first, starting in 2024.
    """
    # Random enough for made-up flows, and repeatable.
    return list(_flows(n, website_ids, random.Random(seed)))  # noqa: S311


def _flows(n: int, website_ids: Sequence[int], chance: random.Random) -> Iterator[Flow]:
    for number in range(1, n + 1):
        name, sent = chance.choice(_NAMES), chance.randrange(20_000)
        displayed = int(sent * chance.uniform(0.8, 0.98))
        created = _FIRST + timedelta(hours=number)
        yield Flow(
            id=number,
            website_id=chance.choice(website_ids),
            name=f"{name} {number}",
            title=chance.choice(_TITLES),
            description=f"{name}: {chance.choice(_TITLES)} ({number})",
            url=f"https://shop.example/flow/{number}",
            wait_time=chance.randint(1, 60),
            wait_time_type=chance.choice(WAIT_UNITS),
            ttl=chance.choice(TTLS),
            is_enabled=chance.random() < 0.5,  # noqa: PLR2004 - a fair coin
            total_sent_push_notifications=sent,
            total_displayed_push_notifications=displayed,
            total_clicked_push_notifications=displayed // 7,
            total_closed_push_notifications=displayed // 3,
            last_sent_datetime=created + timedelta(days=1) if sent else None,
            datetime=created,
        )
