"""Messages beside a request's own: each is claimed by one process, and found again by all."""

import asyncio

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChangeId, ChannelId, UserId
from flowbot.services.ports.messages import NOWHERE, MessageKey, MessageRole, SentMessage
from flowbot.storage.repositories.messages import MessageRepository
from flowbot.storage.unit_of_work import Database

CHANGE, OTHER = ChangeId("one"), ChangeId("other")
AYSE, EMMA = UserId("U0AYSE"), UserId("U0EMMA")
KEY = MessageKey(CHANGE, MessageRole.REQUEST)
PLACE = (ChannelId("C1"), "1.5")


async def test_a_message_is_claimed_once_until_it_is_released(database: Database) -> None:
    messages = MessageRepository(database)
    assert await messages.get(KEY) is None
    assert await messages.claim(KEY, 2)
    assert await messages.get(KEY) == SentMessage(KEY, None, 2)
    assert not await messages.claim(KEY, 3)
    assert await messages.claim(MessageKey(OTHER, MessageRole.REQUEST), 1)
    await messages.release(KEY)
    assert await messages.claim(KEY, 3)
    await messages.record(KEY, PLACE, 3)
    await messages.release(KEY)
    assert not await messages.claim(KEY, 4)
    assert await messages.get(KEY) == SentMessage(KEY, PLACE, 3)


async def test_of_many_who_claim_at_once_one_gets_it(database: Database, elsewhere: Database) -> None:
    stores = MessageRepository(database), MessageRepository(elsewhere)
    for number in range(10):
        key = MessageKey(ChangeId(f"c{number}"), MessageRole.ALARM)
        claims = await asyncio.gather(*(store.claim(key, 1) for store in stores * 3))
        assert sorted(claims) == [False] * 5 + [True]


async def test_an_end_that_is_corrected_is_another_message(database: Database) -> None:
    messages = MessageRepository(database)
    for state in (ChangeState.UNKNOWN, ChangeState.APPLIED):
        assert await messages.claim(MessageKey.for_state(CHANGE, MessageRole.NOTICE, state), 2)
        assert await messages.claim(MessageKey.for_state(CHANGE, MessageRole.DIRECT_NOTICE, state, EMMA), 2)


async def test_recipients_are_planned_once(database: Database, elsewhere: Database) -> None:
    messages, others = MessageRepository(database), MessageRepository(elsewhere)
    await messages.plan(CHANGE, MessageRole.DIRECT, [])
    assert await messages.list_of(CHANGE, MessageRole.DIRECT) == ()
    plans = ([EMMA], [AYSE])
    await asyncio.gather(
        *(each.plan(CHANGE, MessageRole.DIRECT, plan) for each in (messages, others) for plan in plans)
    )
    (planned,) = await messages.list_of(CHANGE, MessageRole.DIRECT)
    assert (planned.place, planned.shown_version, planned.is_given_up) == (None, 0, False)
    assert await messages.claim(planned.key, 2)
    assert not await others.claim(planned.key, 2)
    await messages.record(planned.key, NOWHERE, 2)
    assert [each.is_given_up for each in await others.list_of(CHANGE, MessageRole.DIRECT)] == [True]
