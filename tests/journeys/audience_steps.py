"""Steps around a request's audience: a flow whose segment flowbot knows, and how many subscribers that has."""

from datetime import UTC, datetime
from typing import Any, Final

from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.known_settings import SettingsWrite
from flowbot.storage.repositories.known_settings import record_settings
from tests.journeys.form_steps import add_flow, add_segments
from tests.journeys.world import World

OVER: Final = "quorum_over = { 10000 = 2, 50000 = 3 }"
LONG_AGO: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)


async def know_segment(world: World, flow: int, segment: str) -> None:
    """Let flowbot know a flow's segment, as if it had set that before anything else happened to the flow."""
    write = SettingsWrite(FlowId(flow), ChangeId("earlier"), WriteOnlyFields(segment), LONG_AGO, None, LONG_AGO)
    async with world.open_database() as database, database.write() as connection:
        await record_settings(connection, write)


async def add_flow_for(world: World, subscribers: Any, **fields: Any) -> int:
    """Add a flow for the segment VIP of so many subscribers, and return its id."""
    (segment,) = add_segments(world, 1, "VIP")
    world.enkapush.store.set_subscribers(segment, subscribers)
    flow = add_flow(world, **fields)
    await know_segment(world, flow, str(segment))
    return flow


def grow_to(world: World, subscribers: Any, segment: int = 1) -> None:
    """Let a segment have another number of subscribers."""
    world.enkapush.store.set_subscribers(segment, subscribers)
