"""A real Bolt app against the stand-in, over signed HTTP and over Socket Mode."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, ClientError, SlackSandbox, text_of

CHANNEL = "C0MARKETING"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(label: str, action_id: str) -> dict[str, Any]:
    return {"type": "button", "text": plain(label), "action_id": action_id, "value": "v1"}


def form(title: str = "New flow") -> dict[str, Any]:
    options = [{"text": plain(name), "value": name.lower()} for name in ("All", "Loyal")]
    return {
        "type": "modal",
        "callback_id": "flow",
        "title": plain(title),
        "submit": plain("Create"),
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": "name",
                "label": plain("Name"),
                "element": {"type": "plain_text_input", "action_id": "v"},
            },
            {
                "type": "input",
                "block_id": "segment",
                "optional": True,
                "label": plain("Segment"),
                "element": {"type": "static_select", "action_id": "v", "options": options},
            },
            {
                "type": "input",
                "block_id": "site",
                "optional": True,
                "label": plain("Website"),
                "element": {"type": "external_select", "action_id": "sites", "min_query_length": 0},
            },
        ],
    }


def echo_app(origin: str, session: aiohttp.ClientSession, seen: list[dict[str, Any]]) -> AsyncApp:
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{origin}/api/", session=session)
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, process_before_response=True)

    @app.command("/flows")
    async def flows(ack: Any, respond: Any, body: dict[str, Any], client: Any) -> None:
        seen.append(body)
        if body["text"] == "create":
            await client.views_open(trigger_id=body["trigger_id"], view=form())
            await ack()
        elif body["text"] == "post":
            blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [button("Next", "next")]}]
            await client.chat_postMessage(channel=body["channel_id"], text="posted", blocks=blocks)
            await ack()
        elif body["text"] == "blocks":
            blocks = [
                {"type": "section", "text": {"type": "mrkdwn", "text": "page 1"}},
                {"type": "actions", "elements": [button("Next", "next")]},
            ]
            await ack(text="page", blocks=blocks)
        else:
            await ack(f"you said {body['text']}")

    _answer_buttons_and_forms(app, seen)
    return app


def _answer_buttons_and_forms(app: AsyncApp, seen: list[dict[str, Any]]) -> None:
    @app.action("next")
    async def turn(ack: Any, body: dict[str, Any], respond: Any) -> None:
        seen.append(body)
        await ack()
        await respond(text="page 2", replace_original=True)

    @app.view("flow")
    async def submitted(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        name = body["view"]["state"]["values"]["name"]["v"]["value"]
        if name == "bad":
            await ack(response_action="errors", errors={"name": "Taken"})
        elif name == "more":
            await ack(response_action="update", view=form("Once more"))
        else:
            await ack()

    @app.view_closed("flow")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        await ack()

    @app.options("sites")
    async def sites(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        await ack(options=[{"text": plain(body["value"]), "value": "1"}])

    @app.event("app_mention")
    async def mentioned(body: dict[str, Any]) -> None:
        seen.append(body)

    @app.event("app_home_opened")
    async def home(event: dict[str, Any], client: Any) -> None:
        view = {"type": "home", "blocks": [{"type": "header", "text": plain("Welcome")}]}
        await client.views_publish(user_id=event["user"], view=view)


@asynccontextmanager
async def over_http(app: AsyncApp, sandbox: SlackSandbox) -> AsyncIterator[None]:
    runner = web.AppRunner(app.web_app("/slack/events"))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sandbox.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def over_socket(app: AsyncApp, sandbox: SlackSandbox) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=1)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        await sandbox.person("U0AYSE").wait_until(lambda: sandbox.sockets.connection_count)
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    return []


@pytest.fixture(params=[over_http, over_socket], ids=["http", "socket"])
async def sandbox(request: pytest.FixtureRequest, seen: list[dict[str, Any]]) -> AsyncIterator[SlackSandbox]:
    async with AsyncExitStack() as stack:
        sandbox = SlackSandbox()
        origin = await stack.enter_async_context(sandbox.serve())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await stack.enter_async_context(request.param(echo_app(origin, session, seen), sandbox))
        yield sandbox


async def test_a_command_is_answered_to_its_author_alone(sandbox: SlackSandbox) -> None:
    ayse, burak = sandbox.person("U0AYSE"), sandbox.person("U0BURAK")
    await ayse.send(CHANNEL, "/flows @burak <b>")
    [answer] = await ayse.list_messages(CHANNEL)
    assert text_of(answer) == "you said burak <b>"
    assert answer.text == "you said <@U0BURAK|burak> &lt;b&gt;"
    assert await burak.list_messages(CHANNEL) == []
    assert sandbox.deliveries[-1].ok
    assert sandbox.deliveries[-1].seconds < 1


async def test_a_command_carries_the_fields_that_slack_sends(sandbox: SlackSandbox, seen: list[dict[str, Any]]) -> None:
    await sandbox.person("U0JONAS").send("C0AGENCY", "/flows list")
    body = {k: v for k, v in seen[0].items() if k not in {"token", "response_url", "trigger_id"}}
    assert body == {
        "team_id": "T0WERBE",
        "team_domain": "werbehaus",
        "channel_id": "C0AGENCY",
        "channel_name": "ajans-werbehaus",
        "user_id": "U0JONAS",
        "user_name": "jonas",
        "command": "/flows",
        "text": "list",
        "api_app_id": "A0FLOWBOT",
        "is_enterprise_install": "false",
    }
    assert seen[0]["response_url"].startswith(f"{sandbox.origin}/commands/T0LALE/")


async def test_a_button_of_a_private_answer_edits_it_in_place(
    sandbox: SlackSandbox, seen: list[dict[str, Any]]
) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(CHANNEL, "/flows blocks")
    page = await ayse.wait_for_message(CHANNEL, "page 1")
    await ayse.click(page, "Next")
    await ayse.wait_for_message(CHANNEL, "page 2")
    assert len(await ayse.list_messages(CHANNEL)) == 1
    payload = seen[-1]
    assert payload["container"] == {
        "type": "message",
        "message_ts": page.ts,
        "channel_id": CHANNEL,
        "is_ephemeral": True,
    }
    assert "message" not in payload


async def test_a_button_of_a_public_message_carries_the_message_and_the_persons_own_team(
    sandbox: SlackSandbox, seen: list[dict[str, Any]]
) -> None:
    await sandbox.person("U0AYSE").send("C0AGENCY", "/flows post")
    jonas = sandbox.person("U0JONAS")
    message = await jonas.wait_for_message("C0AGENCY", "Next")
    await jonas.click(message, "Next")
    payload = seen[-1]
    assert payload["user"] == {"id": "U0JONAS", "username": "jonas", "name": "jonas", "team_id": "T0WERBE"}
    assert payload["team"] == {"id": "T0LALE", "domain": "lale-grup"}
    assert payload["message"]["ts"] == message.ts
    assert payload["channel"] == {"id": "C0AGENCY", "name": "ajans-werbehaus"}
    action = payload["actions"][0]
    assert (action["value"], action["text"]["text"], action["type"]) == ("v1", "Next", "button")
    assert float(action["action_ts"]) > 0
    assert payload["enterprise"] is None
    assert payload["is_enterprise_install"] is False


async def test_a_mention_is_an_event_with_the_text_and_the_place(
    sandbox: SlackSandbox, seen: list[dict[str, Any]]
) -> None:
    ayse, jonas = sandbox.person("U0AYSE"), sandbox.person("U0JONAS")
    await jonas.send("C0AGENCY", "Hello")
    await sandbox.dispatcher.wait_until_idle()
    assert seen == []
    hello = await jonas.wait_for_message("C0AGENCY", "Hello")
    await jonas.send("C0AGENCY", "@flowbot ask @ayse <b>", thread=hello)
    await sandbox.dispatcher.wait_until_idle()
    event, written = seen[0]["event"], (await ayse.list_messages("C0AGENCY"))[-1]
    assert {key: event[key] for key in event if key not in {"event_ts", "client_msg_id"}} == {
        "type": "app_mention",
        "user": "U0JONAS",
        "text": "<@U0FLOWBOT> ask <@U0AYSE> &lt;b&gt;",
        "ts": written.ts,
        "thread_ts": hello.ts,
        "channel": "C0AGENCY",
        "team": "T0LALE",
        "user_team": "T0WERBE",
        "source_team": "T0WERBE",
    }
    assert "trigger_id" not in seen[0]
    assert seen[0]["authorizations"][0]["user_id"] == "U0FLOWBOT"
    assert seen[0]["is_ext_shared_channel"] is True


async def test_an_edited_mention_comes_again_and_says_so(sandbox: SlackSandbox, seen: list[dict[str, Any]]) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(CHANNEL, "@flowbot list")
    await sandbox.dispatcher.wait_until_idle()
    await ayse.edit((await ayse.list_messages(CHANNEL))[-1], "@flowbot show 1")
    await sandbox.dispatcher.wait_until_idle()
    first, again = (body["event"] for body in seen)
    assert again["ts"] == first["ts"]
    assert ("edited" in first, again["edited"]["user"]) == (False, "U0AYSE")


@pytest.mark.parametrize("reason", ["not in the channel", "no scope", "a command"])
async def test_a_mention_is_no_event_otherwise(sandbox: SlackSandbox, seen: list[dict[str, Any]], reason: str) -> None:
    if reason == "no scope":
        sandbox.scopes.discard("app_mentions:read")
    channel = "C0RANDOM" if reason == "not in the channel" else CHANNEL
    await sandbox.person("U0AYSE").send(channel, f"{'/flows ' if reason == 'a command' else ''}@flowbot list")
    await sandbox.dispatcher.wait_until_idle()
    assert [body for body in seen if "event" in body] == []


async def test_a_form_is_filled_corrected_and_submitted(sandbox: SlackSandbox, seen: list[dict[str, Any]]) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(CHANNEL, "/flows create")
    assert text_of(ayse.view or []).startswith("New flow")
    held_back = await ayse.submit()
    assert (held_back.errors, held_back.delivered) == ({"name": "Please complete this required field."}, False)
    assert (await ayse.submit({"Name": "bad"})).errors == {"name": "Taken"}
    await ayse.submit({"Name": "more", "Segment": "Loyal"})
    await ayse.wait_for_view("Once more")
    assert (ayse.read_field("Name"), ayse.read_field("Segment")) == ("more", "Loyal")
    await ayse.submit({"Name": "Welcome"})
    assert ayse.view is None
    view = seen[-1]["view"]
    assert view["state"]["values"]["name"] == {"v": {"type": "plain_text_input", "value": "Welcome"}}
    assert view["app_installed_team_id"] == "T0LALE"
    assert seen[-1]["response_urls"] == []


async def test_an_external_menu_is_answered_by_the_bot(sandbox: SlackSandbox) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(CHANNEL, "/flows create")
    form_view = await ayse.wait_for_view()
    answer = await ayse.search_options(form_view, "Website", "sho")
    assert [o["text"]["text"] for o in answer["options"]] == ["sho"]


async def test_closing_a_form_is_told_where_the_bot_asked_for_it(
    sandbox: SlackSandbox, seen: list[dict[str, Any]]
) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(CHANNEL, "/flows create")
    await ayse.close()
    assert ayse.view is None
    assert (seen[-1]["type"], seen[-1]["is_cleared"]) == ("view_closed", False)


async def test_opening_the_home_lets_the_bot_publish_it(sandbox: SlackSandbox) -> None:
    emma = sandbox.person("U0EMMA")
    assert await emma.open_home() is None
    home = await emma.wait_for_home("Welcome")
    assert home.type == "home"


async def test_a_command_that_nobody_handles_is_told_to_the_person(sandbox: SlackSandbox) -> None:
    sandbox.client.commands.add("/unknown")
    with pytest.raises(ClientError, match=r"dispatch_failed|operation_timeout"):
        await sandbox.person("U0AYSE").send(CHANNEL, "/unknown")


async def test_a_stale_click_can_be_repeated(sandbox: SlackSandbox, seen: list[dict[str, Any]]) -> None:
    ayse = sandbox.person("U0AYSE")
    await ayse.send(CHANNEL, "/flows post")
    first = await ayse.click(await ayse.wait_for_message(CHANNEL, "Next"), "Next")
    await ayse.wait_for_message(CHANNEL, "page 2")
    assert (await sandbox.dispatcher.redeliver(first)).ok
    assert seen[-1] == seen[-2] == first.payload
