"""Response URLs: five uses in thirty minutes, in any channel, without changing who sees a message."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from flowbot.sandbox.slack import Message, SlackSandbox, text_of

RANDOM = "C0RANDOM"


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    sandbox = SlackSandbox()
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(session: aiohttp.ClientSession, url: str, **body: Any) -> tuple[int, str]:
    async with session.post(url, json=body) as answer:
        return answer.status, await answer.text()


def command_url(sandbox: SlackSandbox) -> str:
    return sandbox.context.issue_response_url("commands", RANDOM, "U0AYSE")


def message_url(sandbox: SlackSandbox, ephemeral_to: str | None) -> str:
    message = Message("1.000001", RANDOM, "U0FLOWBOT", "old", bot_id="B0FLOWBOT", ephemeral_to=ephemeral_to)
    sandbox.context.mutations.post_message(message)
    return sandbox.context.issue_response_url("actions", RANDOM, "U0AYSE", message.ts)


async def texts(sandbox: SlackSandbox, user_id: str) -> list[str]:
    return [text_of(m) for m in await sandbox.person(user_id).list_messages(RANDOM)]


async def test_an_answer_is_private_even_where_the_bot_is_not(
    sandbox: SlackSandbox, session: aiohttp.ClientSession
) -> None:
    assert await post(session, command_url(sandbox), text="psst") == (200, "ok")
    assert await texts(sandbox, "U0AYSE") == ["psst"]
    assert await texts(sandbox, "U0EMMA") == []


async def test_an_answer_in_channel_is_for_all(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    await post(session, command_url(sandbox), text="hello", response_type="in_channel")
    assert await texts(sandbox, "U0EMMA") == ["hello"]


async def test_the_sixth_use_is_refused(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    url = command_url(sandbox)
    for number in range(5):
        assert await post(session, url, text=str(number)) == (200, "ok")
    assert await post(session, url, text="6") == (404, "used_url")
    assert len(await texts(sandbox, "U0AYSE")) == 5


async def test_it_expires_after_thirty_minutes(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    url = command_url(sandbox)
    sandbox.clock.advance(30 * 60 + 1)
    assert await post(session, url, text="late") == (404, "expired_url")


@pytest.mark.parametrize("ephemeral_to", [None, "U0AYSE"])
async def test_the_original_is_edited_in_place_and_stays_as_visible_as_it_was(
    sandbox: SlackSandbox, session: aiohttp.ClientSession, ephemeral_to: str | None
) -> None:
    url = message_url(sandbox, ephemeral_to)
    await post(session, url, text="new", replace_original=True, response_type="in_channel")
    [message] = await sandbox.person("U0AYSE").list_messages(RANDOM)
    assert (message.ts, message.text, message.ephemeral_to) == ("1.000001", "new", ephemeral_to)


async def test_the_original_is_deleted(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    await post(session, message_url(sandbox, "U0AYSE"), delete_original=True)
    assert await texts(sandbox, "U0AYSE") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"blocks": [{"type": "banner"}]}, "invalid_blocks"),
        ({"text": ""}, "no_text"),
        ({"text": 7}, "invalid_payload"),
    ],
)
async def test_a_bad_payload_is_refused_and_costs_no_use(
    sandbox: SlackSandbox, session: aiohttp.ClientSession, body: dict[str, Any], code: str
) -> None:
    url = command_url(sandbox)
    for _ in range(6):
        assert await post(session, url, **body) == (400, code)
    assert await post(session, url, text="good") == (200, "ok")


async def test_faults_reach_response_urls_too(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    url = command_url(sandbox)
    sandbox.faults.add("response_url", status=500)
    assert (await post(session, url, text="a"))[0] == 500
    sandbox.faults.add("response_url", retry_after=3)
    assert (await post(session, url, text="a"))[0] == 429
    assert await post(session, url, text="a") == (200, "ok")
