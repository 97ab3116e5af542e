"""Modals and App Home: triggers, stacks, hashes."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.sandbox.slack import BOT_TOKEN, SlackSandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    sandbox = SlackSandbox()
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def client(sandbox: SlackSandbox) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/", session=session)


def modal(title: str = "Form", **more: Any) -> dict[str, Any]:
    field = {
        "type": "input",
        "block_id": "name",
        "label": {"type": "plain_text", "text": "Name"},
        "element": {"type": "plain_text_input", "action_id": "v", "initial_value": "first"},
    }
    words = {"type": "plain_text", "text": title}
    return {"type": "modal", "title": words, "submit": words, "blocks": [field], **more}


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_a_trigger_opens_one_view(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    trigger = sandbox.context.trigger_ids.issue("U0AYSE")
    opened = await client.views_open(trigger_id=trigger, view=modal())
    assert opened["view"]["state"]["values"]["name"]["v"]["value"] == "first"
    assert opened["view"]["root_view_id"] == opened["view"]["id"]
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"


async def test_a_trigger_lives_three_seconds(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    trigger = sandbox.context.trigger_ids.issue("U0AYSE")
    sandbox.clock.advance(3.1)
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "expired_trigger_id"
    assert sandbox.person("U0AYSE").view is None


async def test_three_views_may_be_stacked(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    opened = await client.views_open(trigger_id=sandbox.context.trigger_ids.issue("U0AYSE"), view=modal())
    top = opened["view"]["id"]
    for _ in range(2):
        pushed = await client.views_push(trigger_id=sandbox.context.trigger_ids.issue("U0AYSE", top), view=modal())
        assert pushed["view"]["previous_view_id"] == top
        top = pushed["view"]["id"]
    trigger = sandbox.context.trigger_ids.issue("U0AYSE", top)
    assert await error_of(client.views_push(trigger_id=trigger, view=modal())) == "push_limit_reached"
    ayse = sandbox.person("U0AYSE")
    await ayse.close()
    assert ayse.view is not None
    assert ayse.view.id == pushed["view"]["previous_view_id"]


async def test_a_view_opened_from_a_channel_finds_no_older_one_in_front(
    client: AsyncWebClient, sandbox: SlackSandbox
) -> None:
    for _ in range(4):
        opened = await client.views_open(trigger_id=sandbox.context.trigger_ids.issue("U0AYSE"), view=modal())
        assert opened["view"]["previous_view_id"] is None


async def test_a_push_needs_a_modal_below(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    trigger = sandbox.context.trigger_ids.issue("U0AYSE")
    assert await error_of(client.views_push(trigger_id=trigger, view=modal())) == "not_found"


async def test_an_old_hash_does_not_overwrite_a_newer_view(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    trigger = sandbox.context.trigger_ids.issue("U0AYSE")
    view = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=modal("Newer"))
    late = client.views_update(view_id=view["id"], hash=view["hash"], view=modal("Older"))
    assert await error_of(late) == "hash_conflict"


async def test_an_update_keeps_what_was_typed(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    ayse = sandbox.person("U0AYSE")
    await client.views_open(trigger_id=sandbox.context.trigger_ids.issue("U0AYSE"), view=modal(external_id="mine"))
    ayse.fill("Name", "typed")
    await client.views_update(external_id="mine", view=modal("Newer", external_id="mine"))
    assert ayse.read_field("Name") == "typed"


async def test_an_external_id_is_unique(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    issue = sandbox.context.trigger_ids.issue
    await client.views_open(trigger_id=issue("U0AYSE"), view=modal(external_id="mine"))
    again = client.views_open(trigger_id=issue("U0AYSE"), view=modal(external_id="mine"))
    assert await error_of(again) == "duplicate_external_id"


async def test_a_view_has_at_most_250_kb(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    section = {"type": "section", "fields": [{"type": "plain_text", "text": "x" * 2000}] * 10}
    trigger = sandbox.context.trigger_ids.issue("U0AYSE")
    big = modal(blocks=[section] * 13)
    assert await error_of(client.views_open(trigger_id=trigger, view=big)) == "view_too_large"


async def test_a_refused_view_does_not_use_up_the_trigger(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    trigger = sandbox.context.trigger_ids.issue("U0AYSE")
    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=trigger, view=modal("x" * 25))
    assert refused.value.response["error"] == "invalid_arguments"
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]",
        "[ERROR] must be less than 25 characters [json-pointer:/view/submit/text]",
    ]
    await client.views_open(trigger_id=trigger, view=modal())


async def test_a_home_is_published_for_one_person(client: AsyncWebClient, sandbox: SlackSandbox) -> None:
    first = await client.views_publish(user_id="U0EMMA", view={"type": "home", "blocks": []})
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Hi*"}}]
    second = await client.views_publish(user_id="U0EMMA", view={"type": "home", "blocks": blocks})
    assert first["view"]["id"] == second["view"]["id"]
    await sandbox.person("U0EMMA").wait_for_home("Hi")
    assert sandbox.person("U0AYSE").home is None
    late = client.views_publish(user_id="U0EMMA", hash="old", view={"type": "home", "blocks": []})
    assert await error_of(late) == "hash_conflict"
