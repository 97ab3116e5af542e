"""Channels whose id changes: everything that names one moves along."""

from datetime import UTC, datetime

from sqlalchemy import select

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import ChannelId
from flowbot.services.policy_files import parse_book
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.tables import events
from flowbot.storage.unit_of_work import Database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = ChannelId("C0OLD"), ChannelId("C0NEW")
EVENT = AuditEvent(NOW, AuditAction.CHANNEL_MOVED, None, NEW, details={"from": OLD, "to": NEW})
POLICIES = """
[[channels]]
id = "C0OLD"
websites = [1]

[[channels]]
id = "C0OTHER"
websites = "all"
[channels.approval]
channel = "C0OLD"
"""


async def count_events(database: Database) -> int:
    """Count the events of the audit trail."""
    async with database.read() as connection:
        return len((await connection.execute(select(events.c.number))).all())


async def test_policies_and_their_approval_channels_move(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    await policies.replace_all(parse_book(POLICIES))
    assert await ChannelRepository(database).move(OLD, NEW, EVENT)
    assert (await policies.get_book()).document() == parse_book(POLICIES.replace("C0OLD", "C0NEW")).document()
    assert await count_events(database) == 1


async def test_a_second_move_changes_nothing(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    await policies.replace_all(parse_book(POLICIES))
    channels = ChannelRepository(database)
    assert await channels.move(OLD, NEW, EVENT)
    assert not await channels.move(OLD, NEW, EVENT)
    assert not await channels.move(ChannelId("C0NOBODY"), NEW, EVENT)
    assert await count_events(database) == 1


async def test_a_policy_that_the_new_id_has_already_stays(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    newer = '[[channels]]\nid = "C0NEW"\nwebsites = [2]\n'
    await policies.replace_all(parse_book(POLICIES + newer))
    assert await ChannelRepository(database).move(OLD, NEW, EVENT)
    book = await policies.get_book()
    assert [(policy.id, policy.websites) for policy in book.channels] == [("C0OTHER", "all"), ("C0NEW", (2,))]
    assert book.channels[0].approval.channel == NEW
