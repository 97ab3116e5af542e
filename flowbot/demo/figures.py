"""Figures of the weeks before the demo began, so that its charts have something to show."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import update

from flowbot.domain.figures import DayTotals, FlowMove
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.sandbox.enkapush.models import Flow
from flowbot.storage.repositories.figures import record_reading
from flowbot.storage.tables import figure_days
from flowbot.storage.unit_of_work import Database

READ_DAYS: Final = 31
"""As many days as `/flows stats 30d` shows, and today."""
WEEKDAY_SHARES: Final = (1.1, 1.0, 0.95, 1.05, 1.3, 0.8, 0.7)
"""A weekday's part of what is sent on a usual day, from Monday on."""
USUAL_SHARE: Final = 1 / 120
"""A usual day's part of a flow's totals."""


async def record_past_days(database: Database, flows: Iterable[Flow], now: datetime, zone: ZoneInfo) -> None:
    """Record a reading a day of the last weeks, of flows that are live, as if nothing had moved between two of them.

    Raises:
        DependencyError: the database did not store them.
    """
    live = [flow for flow in flows if flow.is_enabled]
    async with database.write() as connection:
        for days in range(READ_DAYS, -1, -1):
            at = now - timedelta(days=days)
            share = USUAL_SHARE * WEEKDAY_SHARES[at.astimezone(zone).weekday()] if days else 0.0
            await record_reading(connection, at, [_move(flow, share) for flow in live], zone)
        await connection.execute(update(figure_days).values(is_whole=True))


def _move(flow: Flow, share: float) -> FlowMove:
    moved = DayTotals(
        sent=round(flow.total_sent_push_notifications * share),
        displayed=round(flow.total_displayed_push_notifications * share),
        clicked=round(flow.total_clicked_push_notifications * share),
        closed=round(flow.total_closed_push_notifications * share),
    )
    return FlowMove(FlowId(flow.id), WebsiteId(flow.website_id), moved)
