"""Flows by the thousand, for trying out large accounts."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from flowbot.sandbox.enkapush.records import TTLS, WAIT_UNITS, Flow

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
