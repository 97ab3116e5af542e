"""The Web API as the real SDK meets it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, Channel, SlackSandbox, text_of

MARKETING = "C0MARKETING"


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    sandbox = SlackSandbox()
    sandbox.workspace.channels["C0SECRET"] = Channel("C0SECRET", "secret", ["U0DENIZ"], is_private=True)
    sandbox.workspace.channels["C0OLD"] = Channel("C0OLD", "old", ["U0AYSE"], is_archived=True)
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/", session=session)


async def refusal(client: AsyncWebClient, method: str, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, json=arguments)
    data = refused.value.response.data
    assert isinstance(data, dict)
    return data


async def test_answers_bear_the_date_that_is_ordered(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    assert (await client.auth_test()).headers["date"].endswith(" GMT")
    sandbox.date = "Thu, 01 Jan 1970 00:00:00 GMT"
    assert (await client.auth_test()).headers["date"] == sandbox.date
    sandbox.date = ""
    assert "date" not in (await client.auth_test()).headers


async def test_auth_test_says_whose_token_it_is_and_what_it_may(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0LALE", "U0FLOWBOT", "B0FLOWBOT")
    assert "chat:write.public" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(
    ("token", "code"),
    [(None, "not_authed"), ("xoxb-wrong", "invalid_auth"), (APP_TOKEN, "not_allowed_token_type")],
)
async def test_only_the_bot_token_opens_the_web_api(client: AsyncWebClient, token: str | None, code: str) -> None:
    client.token = token
    assert (await refusal(client, "auth.test"))["error"] == code


@pytest.mark.parametrize(
    ("why", "method", "arguments", "code"),
    [
        ("an unknown method", "chat.sing", {}, "unknown_method"),
        ("a channel that is not there", "chat.postMessage", {"channel": "C0X", "text": "a"}, "channel_not_found"),
        ("a private channel", "chat.postMessage", {"channel": "C0SECRET", "text": "a"}, "channel_not_found"),
        ("an archived channel", "chat.postMessage", {"channel": "C0OLD", "text": "a"}, "is_archived"),
        ("an empty message", "chat.postMessage", {"channel": MARKETING}, "no_text"),
        ("a text too long", "chat.postMessage", {"channel": MARKETING, "text": "a" * 4001}, "msg_too_long"),
        ("no channel", "chat.postMessage", {"text": "a"}, "invalid_arguments"),
        ("a private answer where the bot is not", "chat.postEphemeral",
         {"channel": "C0RANDOM", "user": "U0AYSE", "text": "a"}, "not_in_channel"),
        ("a private answer to an absent person", "chat.postEphemeral",
         {"channel": MARKETING, "user": "U0JONAS", "text": "a"}, "user_not_in_channel"),
        ("an update of nothing", "chat.update", {"channel": MARKETING, "ts": "1.2", "text": "a"}, "message_not_found"),
        ("a deletion of nothing", "chat.delete", {"channel": MARKETING, "ts": "1.2"}, "message_not_found"),
        ("an unknown person", "users.info", {"user": "U0X"}, "user_not_found"),
        ("an unknown group", "usergroups.users.list", {"usergroup": "S0X"}, "no_such_subteam"),
        ("a private channel's data", "conversations.info", {"channel": "C0SECRET"}, "channel_not_found"),
        ("an unknown file", "files.info", {"file": "F0X"}, "file_not_found"),
        ("a made-up cursor", "users.list", {"cursor": "???"}, "invalid_cursor"),
        ("an invented trigger", "views.open",
         {"trigger_id": "1.2.3", "view": {"type": "modal", "title": {"type": "plain_text", "text": "a"}, "blocks": []}},
         "invalid_trigger_id"),
        ("a view that is gone", "views.update",
         {"view_id": "V1", "view": {"type": "home", "blocks": []}}, "not_found"),
    ],
)  # fmt: skip
async def test_refusals_carry_slacks_own_codes(
    client: AsyncWebClient, why: str, method: str, arguments: dict[str, Any], code: str
) -> None:
    assert (await refusal(client, method, **arguments))["error"] == code, why


async def test_a_missing_scope_is_named(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    sandbox.scopes.discard("users:read")
    refused = await refusal(client, "users.info", user="U0AYSE")
    assert (refused["error"], refused["needed"]) == ("missing_scope", "users:read")


async def test_public_channels_need_no_membership_with_the_public_scope(
    client: AsyncWebClient, sandbox: SlackSandbox
) -> None:
    await client.chat_postMessage(channel="C0RANDOM", text="hello")
    sandbox.scopes.discard("chat:write.public")
    assert (await refusal(client, "chat.postMessage", channel="C0RANDOM", text="a"))["error"] == "not_in_channel"


async def test_a_message_is_posted_updated_and_deleted(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    ayse = sandbox.person("U0AYSE")
    posted = await client.chat_postMessage(channel=MARKETING, text="one", blocks=[{"type": "divider"}])
    [block] = posted["message"]["blocks"]
    assert block["block_id"]
    updated = await client.chat_update(channel=MARKETING, ts=posted["ts"], text="two")
    assert updated["message"]["blocks"] == [block]
    await client.chat_update(channel=MARKETING, ts=posted["ts"], text="three", blocks=[])
    [seen] = await ayse.list_messages(MARKETING)
    assert text_of(seen) == "three"
    await client.chat_delete(channel=MARKETING, ts=posted["ts"])
    assert await ayse.list_messages(MARKETING) == []


async def test_other_peoples_messages_cannot_be_updated(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(MARKETING, "mine")
    [message] = await ayse.list_messages(MARKETING)
    refused = await refusal(client, "chat.update", channel=MARKETING, ts=message.ts, text="yours")
    assert refused["error"] == "cant_update_message"


async def test_a_private_answer_is_seen_by_one_person(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    await client.chat_postEphemeral(channel=MARKETING, user="U0EMMA", text="psst")
    assert [text_of(m) for m in await sandbox.person("U0EMMA").list_messages(MARKETING)] == ["psst"]
    assert await sandbox.person("U0AYSE").list_messages(MARKETING) == []


async def test_a_persons_id_stands_for_their_direct_messages(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    posted = await client.chat_postMessage(channel="U0EMMA", text="hi")
    assert posted["channel"].startswith("D")
    assert len(await sandbox.person("U0EMMA").list_messages(posted["channel"])) == 1


async def test_replies_are_counted_at_their_parent(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    parent = await client.chat_postMessage(channel=MARKETING, text="parent")
    await client.chat_postMessage(channel=MARKETING, text="child", thread_ts=parent["ts"])
    first, second = await sandbox.person("U0AYSE").list_messages(MARKETING)
    assert (first.reply_count, second.thread_ts) == (1, parent["ts"])


async def test_colleagues_have_a_locale_and_rights(client: AsyncWebClient) -> None:
    deniz = (await client.users_info(user="U0DENIZ", include_locale=True))["user"]
    assert (deniz["locale"], deniz["is_admin"], deniz["team_id"]) == ("en-US", True, "T0LALE")
    ayse = (await client.users_info(user="U0AYSE", include_locale=True))["user"]
    assert (ayse["locale"], ayse["tz"], ayse["profile"]["real_name"]) == ("tr-TR", "Europe/Istanbul", "Ayşe Yılmaz")
    assert "locale" not in (await client.users_info(user="U0AYSE"))["user"]


async def test_outsiders_are_strangers_without_a_locale(client: AsyncWebClient) -> None:
    jonas = (await client.users_info(user="U0JONAS", include_locale=True))["user"]
    assert (jonas["is_stranger"], jonas["team_id"]) == (True, "T0WERBE")
    assert not {"locale", "is_admin", "is_owner"} & jonas.keys()


async def test_people_come_in_pages(client: AsyncWebClient) -> None:
    names = []
    async for page in await client.users_list(limit=4):
        names += [member["id"] for member in page["members"]]
    assert names == ["U0AYSE", "U0BURAK", "U0EMMA", "U0DENIZ", "U0JONAS", "U0FLOWBOT"]


async def test_groups_tell_their_members_when_asked(client: AsyncWebClient) -> None:
    groups = {g["handle"]: g for g in (await client.usergroups_list(include_users=True))["usergroups"]}
    assert groups["leads"]["users"] == ["U0BURAK"]
    assert "users" not in (await client.usergroups_list())["usergroups"][0]
    assert (await client.usergroups_users_list(usergroup="S0LEADS"))["users"] == ["U0BURAK"]


async def test_channels_tell_what_they_are(client: AsyncWebClient) -> None:
    agency = (await client.conversations_info(channel="C0AGENCY", include_num_members=True))["channel"]
    assert (agency["is_ext_shared"], agency["num_members"]) == (True, 6)
    assert agency["shared_team_ids"] == ["T0LALE", "T0WERBE"]
    assert "U0JONAS" in (await client.conversations_members(channel="C0AGENCY"))["members"]
    every = await client.conversations_list(types="public_channel,private_channel", exclude_archived=True)
    assert [c["id"] for c in every["channels"]] == [MARKETING, "C0APPROVALS", "C0AGENCY", "C0RANDOM"]


async def test_forms_are_taken_like_json(session: aiohttp.ClientSession, sandbox: SlackSandbox) -> None:
    form = {"token": BOT_TOKEN, "channel": MARKETING, "text": "hi", "blocks": '[{"type": "divider"}]'}
    async with session.post(f"{sandbox.origin}/api/chat.postMessage", data=form) as answer:
        body = await answer.json()
    assert body["message"]["blocks"][0]["type"] == "divider"


async def test_a_rate_limit_says_when_to_come_back(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    sandbox.faults.add("chat.postMessage", retry_after=7)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=MARKETING, text="a")
    response = refused.value.response
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    await client.chat_postMessage(channel=MARKETING, text="a")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"error": "fatal_error"}, SlackApiError),
        ({"status": 500}, SlackApiError),
        ({"hang": True}, TimeoutError),
        ({"delay": 30}, TimeoutError),
    ],
)
async def test_a_fault_before_the_call_leaves_nothing_behind(
    client: AsyncWebClient, sandbox: SlackSandbox, fault: dict[str, Any], error: type[Exception]
) -> None:
    sandbox.faults.add("chat.postMessage", **fault)
    with pytest.raises(error):
        async with asyncio.timeout(0.3):
            await client.chat_postMessage(channel=MARKETING, text="a")
    assert await sandbox.person("U0AYSE").list_messages(MARKETING) == []


async def test_a_lost_answer_leaves_the_message_behind(session: aiohttp.ClientSession, sandbox: SlackSandbox) -> None:
    sandbox.faults.add("chat.postMessage", lose_answer=True)
    with pytest.raises(aiohttp.ClientError):
        await session.post(
            f"{sandbox.origin}/api/chat.postMessage",
            data={"token": BOT_TOKEN, "channel": MARKETING, "text": "hi"},
        )
    assert len(await sandbox.person("U0AYSE").list_messages(MARKETING)) == 1


async def test_a_fault_may_refuse_one_type_of_block(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    sandbox.faults.add("chat.postMessage", block_type="header", times=None)
    header = {"type": "header", "text": {"type": "plain_text", "text": "a"}}
    refused = await refusal(client, "chat.postMessage", channel=MARKETING, text="a", blocks=[header])
    assert refused["error"] == "invalid_blocks"
    await client.chat_postMessage(channel=MARKETING, text="a", blocks=[{"type": "divider"}])
    sandbox.faults.clear()
    await client.chat_postMessage(channel=MARKETING, text="a", blocks=[header])


async def test_an_older_workspace_refuses_newer_blocks(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    card = {"type": "card", "title": {"type": "plain_text", "text": "a"}}
    await client.chat_postMessage(channel=MARKETING, text="a", blocks=[card])
    sandbox.workspace.accepts_newer_blocks = False
    refused = await refusal(client, "chat.postMessage", channel=MARKETING, text="a", blocks=[card])
    assert refused["error"] == "invalid_blocks"
    assert refused["response_metadata"]["messages"] == ["[ERROR] unsupported type: card [json-pointer:/blocks/0/type]"]
