"""The private API of the page, and the file host."""

import io
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.sandbox.slack import BOT_TOKEN, ClientError, Message, SlackSandbox

MARKETING = "C0MARKETING"
PNG = b"\x89PNG\r\n\x1a\n"
OCTETS = "application/octet-stream"


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    sandbox = SlackSandbox()
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def page(sandbox: SlackSandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.origin) as session:
        yield session


async def get(page: aiohttp.ClientSession, path: str) -> Any:
    async with page.get(path) as answer:
        return await answer.json()


async def post(page: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Any]:
    async with page.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def test_the_page_and_its_files_are_served_and_nothing_else(page: aiohttp.ClientSession) -> None:
    async with page.get("/") as index:
        assert (index.status, index.content_type) == (200, "text/html")
    for path in ("/page/%2e%2e/slack/sandbox.py", "/page/nothing.js"):
        async with page.get(path) as missing:
            assert missing.status == 404


LOOPBACK: Final = {"ip": "127.0.0.1", "name": "localhost"}
STRANGERS: Final = {
    "another name": {"Host": "evil.example"},
    "another name that begins alike": {"Host": "localhost.evil.example"},
    "no name": {"Host": ""},
    "no address": {"Host": "127.0.0.1:99999999"},
    "another page": {"Origin": "https://evil.example"},
    "another port's page": {"Origin": "http://127.0.0.1:1"},
    "a page without an origin": {"Origin": "null"},
}


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_other_pages_of_the_browser_get_nothing(page: aiohttp.ClientSession, stranger: str) -> None:
    body = {"as": "U0AYSE", "channel": MARKETING, "text": "hi"}
    for method, path in [("GET", "/sandbox/state"), ("POST", "/sandbox/send"), ("GET", "/link/")]:
        async with page.request(method, path, headers=STRANGERS[stranger], json=body) as answer:
            assert answer.status in {400, 403}, path
    assert not (await get(page, f"/sandbox/messages?as=U0AYSE&channel={MARKETING}"))["messages"]


@pytest.mark.parametrize("name", LOOPBACK)
async def test_the_page_itself_asks_under_each_name_of_this_machine(sandbox: SlackSandbox, name: str) -> None:
    origin = sandbox.origin.replace("127.0.0.1", LOOPBACK[name])
    headers = {"Host": origin.removeprefix("http://"), "Origin": origin}
    async with aiohttp.ClientSession(sandbox.origin, headers=headers) as session:
        status, _ = await post(session, "/sandbox/send", **{"as": "U0AYSE"}, channel=MARKETING, text="hi")
    assert status == 200


async def test_the_state_is_what_one_person_knows(page: aiohttp.ClientSession) -> None:
    state = await get(page, "/sandbox/state?as=U0JONAS")
    assert state["me"]["is_external"] is True
    assert [c["id"] for c in state["channels"]] == ["C0AGENCY"]
    assert (state["default_as"], state["team"]["name"]) == ("U0AYSE", "Lale Grup")
    assert {g["handle"] for g in state["groups"]} == {"editors", "leads"}


async def test_others_private_answers_are_not_shown(sandbox: SlackSandbox, page: aiohttp.ClientSession) -> None:
    await post(page, "/sandbox/send", **{"as": "U0AYSE"}, channel=MARKETING, text="hi @burak")
    secret = Message(sandbox.workspace.next_ts(), MARKETING, "U0FLOWBOT", "psst", ephemeral_to="U0BURAK")
    sandbox.context.mutations.post_message(secret)
    seen = (await get(page, f"/sandbox/messages?as=U0AYSE&channel={MARKETING}"))["messages"]
    assert [m["text"] for m in seen] == ["hi <@U0BURAK|burak>"]
    other = (await get(page, f"/sandbox/messages?as=U0BURAK&channel={MARKETING}"))["messages"]
    assert (other[1]["ephemeral"], other[1]["to"]) == (True, "U0BURAK")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/sandbox/send", {"as": "U0JONAS", "channel": MARKETING, "text": "a"}, "not_in_channel"),
        ("/sandbox/send", {"as": "U0X", "channel": MARKETING, "text": "a"}, "user_not_found"),
        ("/sandbox/send", {"channel": MARKETING}, "invalid_request"),
        ("/sandbox/view/submit", {"as": "U0AYSE", "view_id": "V1", "values": {}}, "not_found"),
        ("/sandbox/view/close", {"as": "U0AYSE", "view_id": "V1"}, "not_found"),
        ("/sandbox/action",
         {"as": "U0AYSE", "container": {"type": "home"}, "block_id": "a", "action_id": "b"}, "not_found"),
    ],
)  # fmt: skip
async def test_mistakes_are_answered_with_a_code_and_a_sentence(
    page: aiohttp.ClientSession, path: str, body: dict[str, Any], code: str
) -> None:
    status, answer = await post(page, path, **body)
    assert (status, answer["error"]) == (400, code)
    assert answer["message"]


async def test_a_command_without_a_bot_says_so(page: aiohttp.ClientSession) -> None:
    _, answer = await post(page, "/sandbox/send", **{"as": "U0AYSE"}, channel=MARKETING, text="/flows")
    assert (answer["ok"], answer["error"]) == (False, "app_offline")
    [entry] = await get(page, "/sandbox/log?limit=1")
    assert (entry["direction"], entry["what"], entry["status"]) == ("to_bot", "/flows", "app_offline")


async def next_event(stream: aiohttp.ClientResponse) -> tuple[int, Any]:
    number = 0
    while line := (await stream.content.readline()).decode():
        if line.startswith("id:"):
            number = int(line[3:])
        if line.startswith("data:"):
            return number, json.loads(line[5:])
    raise EOFError


async def test_events_stream_and_resume(sandbox: SlackSandbox, page: aiohttp.ClientSession) -> None:
    ayse = sandbox.person("U0AYSE")
    async with page.get("/sandbox/events?as=U0BURAK") as stream:
        await ayse.send(MARKETING, "one")
        number, event = await next_event(stream)
        assert (event["type"], event["message"]["text"]) == ("message", "one")
    await ayse.send(MARKETING, "two")
    async with page.get("/sandbox/events?as=U0BURAK", headers={"Last-Event-ID": str(number)}) as stream:
        assert (await next_event(stream))[1]["message"]["text"] == "two"


async def test_events_begin_behind_what_was_read(sandbox: SlackSandbox, page: aiohttp.ClientSession) -> None:
    ayse = sandbox.person("U0AYSE")
    async with page.get("/sandbox/state?as=U0BURAK") as answer:
        last = (await answer.json())["last_event"]
    await ayse.send(MARKETING, "one")
    async with page.get(f"/sandbox/events?as=U0BURAK&after={last}") as stream:
        assert (await next_event(stream))[1]["message"]["text"] == "one"
    async with page.get(f"/sandbox/events?as=U0BURAK&after={last + 1000}") as stream:
        await ayse.send(MARKETING, "two")
        assert (await next_event(stream))[1]["message"]["text"] == "two"


async def test_a_person_hears_of_their_own_views_and_homes(sandbox: SlackSandbox, page: aiohttp.ClientSession) -> None:
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/", session=page)
    async with page.get("/sandbox/events?as=U0AYSE") as stream:
        await client.views_publish(user_id="U0EMMA", view={"type": "home", "blocks": []})
        await client.views_publish(user_id="U0AYSE", view={"type": "home", "blocks": []})
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Form"}, "blocks": []}
        await client.views_open(trigger_id=sandbox.context.trigger_ids.issue("U0AYSE"), view=view)
        events = [(await next_event(stream))[1] for _ in range(2)]
        assert [e["type"] for e in events] == ["home", "view"]
        assert events[1]["stack_depth"] == 1
        await sandbox.person("U0AYSE").close()
        assert (await next_event(stream))[1] == {"type": "view_closed", "stack_depth": 0}


async def test_an_uploaded_file_is_given_to_the_bot_alone(sandbox: SlackSandbox, page: aiohttp.ClientSession) -> None:
    path, headers = "/sandbox/upload?as=U0AYSE&name=logo.png", {"Content-Type": "image/png"}
    async with page.post(path, data=b"\x89PNG", headers=headers) as answer:
        shape = (await answer.json())["file"]
    assert (shape["name"], shape["mimetype"], shape["size"]) == ("logo.png", "image/png", 4)
    headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
    async with page.get(shape["url_private_download"], headers=headers) as answer:
        assert (await answer.read(), answer.content_type) == (b"\x89PNG", "image/png")
    async with page.get(shape["url_private_download"]) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert "Sign in" in await answer.text()
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/", session=page)
    info = await client.files_info(file=shape["id"])
    assert info["file"]["url_private_download"] == shape["url_private_download"]


async def test_an_upload_that_is_too_large_is_the_senders_mistake(page: aiohttp.ClientSession) -> None:
    async with page.post("/sandbox/upload?as=U0AYSE&name=a.png", data=io.BytesIO(bytes(70_000_000))) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "malformed_upload")


async def test_a_form_carries_files_in_slacks_own_shape(sandbox: SlackSandbox) -> None:
    ayse = sandbox.person("U0AYSE")
    field = {
        "type": "input",
        "block_id": "image",
        "label": {"type": "plain_text", "text": "Image"},
        "element": {"type": "file_input", "action_id": "v", "max_files": 1},
    }
    words = {"type": "plain_text", "text": "Form"}
    view = {"type": "modal", "title": words, "submit": words, "blocks": [field]}
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/")
    await client.views_open(trigger_id=sandbox.context.trigger_ids.issue("U0AYSE"), view=view)
    logo = ayse.upload("logo.png", b"png")
    with pytest.raises(ClientError, match="app_offline"):
        await ayse.submit({"Image": logo})
    state = sandbox.deliveries[-1].payload["view"]["state"]["values"]
    [chosen] = state["image"]["v"]["files"]
    assert (chosen["id"], chosen["size"]) == (logo.id, 3)
    assert chosen["url_private_download"].startswith(f"{sandbox.origin}/files-pri/T0LALE-")
    too_many = await ayse.submit({"Image": [logo, logo]})
    assert too_many.errors == {"image": "Choose 1 at most."}


async def test_the_bot_uploads_in_three_steps(sandbox: SlackSandbox) -> None:
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/")
    answer = await client.files_upload_v2(
        channel=MARKETING, content="a,b", filename="audit.csv", title="Audit", initial_comment="Here"
    )
    assert answer["files"][0]["title"] == "Audit"
    stored = sandbox.workspace.files[answer["files"][0]["id"]]
    assert (stored.content, stored.channels) == (b"a,b", [MARKETING])
    await sandbox.person("U0AYSE").wait_for_message(MARKETING, "Here")


async def test_an_uploaded_picture_can_be_shown_once_slack_is_done_with_it(sandbox: SlackSandbox) -> None:
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/")
    uploaded = await client.files_upload_v2(content=PNG, filename="a.png")
    image = {"type": "image", "slack_file": {"id": uploaded["files"][0]["id"]}, "alt_text": "a"}
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        await client.chat_postMessage(channel=MARKETING, text="a", blocks=[image])
    sandbox.clock.advance(1)
    await client.chat_postMessage(channel=MARKETING, text="a", blocks=[image])
    by_url = {"type": "image", "slack_file": {"url": uploaded["files"][0]["url_private"]}, "alt_text": "a"}
    await client.chat_postMessage(channel=MARKETING, text="a", blocks=[by_url])


async def test_a_file_that_blocks_cannot_show_is_refused(sandbox: SlackSandbox) -> None:
    ayse, client = sandbox.person("U0AYSE"), AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/")
    webp, hidden = ayse.upload("a.webp", b"RIFF....WEBPVP8 "), ayse.upload("a.png", PNG)
    hidden.is_hidden = True
    for file in (webp, hidden):
        image = {"type": "image", "slack_file": {"id": file.id}, "alt_text": "a"}
        with pytest.raises(SlackApiError, match="invalid_blocks"):
            await client.chat_postMessage(channel=MARKETING, text="a", blocks=[image])
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file=hidden.id)


async def test_the_page_gets_a_picture_and_runs_no_file(sandbox: SlackSandbox, page: aiohttp.ClientSession) -> None:
    ayse = sandbox.person("U0AYSE")
    for file, kind in ((ayse.upload("a.png", PNG), "image/png"), (ayse.upload("a.html", b"<b>"), OCTETS)):
        async with page.get(f"/sandbox/files/{file.id}") as answer:
            assert (await answer.read(), answer.content_type) == (file.content, kind)
    async with page.get("/sandbox/files/F0NONE") as answer:
        assert answer.status == 404
