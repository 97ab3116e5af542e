"""Steps around reports: store one as a watch does that dies before it tells of it, and read its messages."""

import asyncio
from dataclasses import replace
from typing import Final

from flowbot.domain.findings import Finding
from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import FlowId, ReportToken, WebsiteId
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.reports import ReportRepository
from tests.journeys.world import APPROVALS, World

BEFORE: Final = Flow(
    WebsiteId(1), "Winter sale", "Warm coats", "Half price", WaitTime(1, "days"), id=FlowId(40), is_enabled=False
)
ENABLED: Final = Finding(BEFORE, replace(BEFORE, is_enabled=True))


async def tell(world: World, finding: Finding = ENABLED, *, token: str = "one") -> Report:
    """Store a finding as a watch does that dies before it tells of it."""
    flow = finding.flow
    assert flow is not None
    new = NewReport(ReportToken(token), ReportKind.FINDING, finding, flow.id, flow.website_id)
    async with world.open_database() as database:
        report, _ = await ReportRepository(database, world.time.now).submit(new)
    world.time.ahead += 3
    return report


async def rewrite(world: World, report: Report, finding: Finding, state: ReportState = ReportState.OPEN) -> Report:
    """Store a finding's next version."""
    async with world.open_database() as database:
        store, told = ReportRepository(database, world.time.now), replace(report.told, content=finding, state=state)
        moved = await store.replace_if_unchanged(report, told)
    world.time.ahead += 3
    return moved


async def is_shown(world: World) -> bool:
    """Check whether every report is shown."""
    async with world.open_database() as database:
        return not await ReportRepository(database, world.time.now).unshown()


async def wait_until_shown(world: World) -> None:
    """Wait until every report is shown."""
    async with asyncio.timeout(15):
        while not await is_shown(world):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.05)


def list_told(world: World, where: str = APPROVALS) -> list[Message]:
    """List the messages of reports in a channel."""
    return [each for each in world.slack.workspace.messages[where] if "outside flowbot" in text_of(each)]


async def wait_for_told(world: World, where: str = APPROVALS, word: str = "outside flowbot") -> Message:
    """Wait for a report's message that says the word."""
    return await world.deniz.wait_for_message(
        where, lambda each: "outside flowbot" in text_of(each) and word in text_of(each)
    )
