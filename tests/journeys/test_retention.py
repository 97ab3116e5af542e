"""Retention: rows that nothing needs are deleted, from the start on; rows that may be needed stay."""

import asyncio
from datetime import datetime, timedelta

from flowbot.domain.absences import Absence
from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import ChangeKind
from flowbot.domain.draft import Draft
from flowbot.domain.figures import KEEP_FIGURES, DayTotals, FlowMove
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.images import ImageFile
from flowbot.services.forms import KEEP_DRAFTS
from flowbot.services.ports.deliveries import DeliveryKey
from flowbot.storage.repositories.absences import AbsenceRepository
from flowbot.storage.repositories.deliveries import DeliveryRepository
from flowbot.storage.repositories.drafts import DraftRepository
from flowbot.storage.repositories.figures import FigureRepository, record_reading
from flowbot.storage.repositories.images import ImageRepository
from flowbot.worker.retention import KEEP_DELIVERIES, KEEP_IMAGES
from tests.journeys.form_steps import PNG
from tests.journeys.world import MARKETING, World

A_WHILE = timedelta(minutes=1)
WEEK = timedelta(days=7)
SENT = FlowMove(FlowId(1), WebsiteId(1), DayTotals(5))
OLD, YOUNG = "o" * 64, "y" * 64


def new_draft(token: str, at: datetime) -> Draft:
    """Build a draft of the form for a new flow, in a channel of its own."""
    return Draft(
        token=FormToken(token),
        user=UserId("U0EMMA"),
        channel=ChannelId(MARKETING + token[0].upper()),
        kind=ChangeKind.CREATE,
        flow=None,
        before=None,
        typed={"name": "Spring"},
        changed_at=at,
    )


async def test_what_is_too_old_is_forgotten_at_the_start_and_nothing_else(world: World) -> None:
    now = world.time.now()
    async with world.open_database() as database:
        deliveries, drafts, images = DeliveryRepository(database), DraftRepository(database), ImageRepository(database)
        absences, pictures = AbsenceRepository(database), []
        for name, since in ((OLD, -A_WHILE), (YOUNG, A_WHILE)):
            await deliveries.record_once(DeliveryKey(name), now - KEEP_DELIVERIES + since)
            async with database.write() as connection:
                at = now - KEEP_FIGURES - timedelta(days=2 if name == OLD else 0)
                await record_reading(connection, at, [SENT], world.settings.zone)
            person = Absence(UserId(f"U0{name[0].upper()}"), now + since)
            await absences.save(person, AuditEvent(now, AuditAction.PERSON_AWAY, person.person))
            await drafts.save(new_draft(name, now - KEEP_DRAFTS + since))
            pictures.append(await images.add(ImageFile(PNG, "image/png", name), now - KEEP_IMAGES + since))
        await world.start_http()
        async with asyncio.timeout(5):
            while await images.get(pictures[0]) or await deliveries.was_recorded(DeliveryKey(OLD)):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
        assert await drafts.get(FormToken(OLD)) is None
        assert await drafts.get(FormToken(YOUNG)) is not None
        assert await images.get(pictures[1]) is not None
        assert await deliveries.was_recorded(DeliveryKey(YOUNG))
        async with asyncio.timeout(5):
            while [absence.person for absence in await absences.get_all()] != ["U0Y"]:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
        oldest = (now - KEEP_FIGURES).astimezone(world.settings.zone).date()
        assert set(await FigureRepository(database).website_days(None, oldest - WEEK, oldest + WEEK)) == {oldest}
