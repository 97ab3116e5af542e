"""What a channel's messages may show: by what Slack said last, asked again after a minute, in doubt nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import SlackFaultError
from flowbot.services import channel_privacy
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.ports.channels import ChannelSharing
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.storage.unit_of_work import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HERE = ChannelId("C0HERE")
POLICY = ChannelPolicy(id=HERE, websites="all")
READABLE = ChannelPolicy(id=HERE, websites="all", approval=ApprovalRule(outsiders_may_read=True))
SECONDS = timedelta(seconds=1)


class FakeDirectory:
    """Slack's answers, one a question; a text is an error's code."""

    def __init__(self, *answers: bool | str) -> None:
        self.answers = list(answers)
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def is_shared(self, channel: ChannelId) -> bool:
        assert channel == HERE
        await self.goes_on.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise SlackFaultError(answer)
        return answer


async def open_privacy(
    database: Database, *answers: bool | str, known: bool | None = None, age: timedelta = timedelta()
) -> tuple[ChannelPrivacy, FakeDirectory]:
    """Return the privacy of a channel of which Slack said something before, or nothing."""
    store, directory = ChannelRepository(database), FakeDirectory(*answers)
    if known is not None:
        await store.note_sharing(HERE, ChannelSharing(known, NOW - age))
    return ChannelPrivacy(store, directory, lambda: NOW), directory


@pytest.mark.parametrize(
    ("known", "age", "answers", "shows"),
    [
        pytest.param(None, 0, [False], True, id="Slack says that it is not shared"),
        pytest.param(None, 0, [True], False, id="Slack says that it is shared"),
        pytest.param(None, 0, ["missing_scope"], False, id="it never said anything"),
        pytest.param(False, 59, [], True, id="it said so within a minute"),
        pytest.param(True, 59, [], False, id="it said the other within a minute"),
        pytest.param(False, 61, [True], False, id="it says otherwise now"),
        pytest.param(True, 61, [False], True, id="it says otherwise now, the other way"),
        pytest.param(False, 61, ["internal_error"], True, id="it does not answer now"),
        pytest.param(True, 9999, ["channel_not_found"], False, id="it does not answer now, and was shared"),
        pytest.param(False, -3600, [True], False, id="a clock jumped"),
    ],
)
async def test_what_slack_said_last_counts(
    database: Database, known: bool | None, age: int, answers: list[bool | str], shows: bool
) -> None:
    privacy, directory = await open_privacy(database, *answers, known=known, age=age * SECONDS)
    assert await privacy.may_show(HERE, POLICY) is shows
    assert directory.answers == []


async def test_an_answer_is_kept_for_a_minute(database: Database) -> None:
    privacy, directory = await open_privacy(database, False, True)
    assert [await privacy.may_show(HERE, POLICY) for _ in range(3)] == [True] * 3
    assert directory.answers == [True]


async def test_nothing_is_asked_of_direct_messages_nor_where_outsiders_may_read(database: Database) -> None:
    privacy, _ = await open_privacy(database)
    assert await privacy.may_show(ChannelId("D0EMMA"), POLICY)
    assert await privacy.may_show(HERE, READABLE)


async def test_an_event_counts_more_than_an_answer_to_an_earlier_question(database: Database) -> None:
    privacy, directory = await open_privacy(database, False)
    directory.goes_on.clear()
    asking = asyncio.create_task(privacy.may_show(HERE, POLICY))
    await asyncio.sleep(0.05)
    await privacy.note_shared(HERE)
    directory.goes_on.set()
    assert not await asking
    assert not await privacy.may_show(HERE, POLICY)


async def test_nobody_waits_long_for_slack(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_privacy, "ANSWER_SECONDS", 0.05)
    privacy, directory = await open_privacy(database, True, known=False, age=120 * SECONDS)
    directory.goes_on.clear()
    assert await privacy.may_show(HERE, POLICY)
    # Only the first message waits; Slack's answer counts as soon as it is there.
    monkeypatch.setattr(channel_privacy, "ANSWER_SECONDS", 60)
    async with asyncio.timeout(5):
        assert await privacy.may_show(HERE, POLICY)
        directory.goes_on.set()
        while await privacy.may_show(HERE, POLICY):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    await privacy.close()
