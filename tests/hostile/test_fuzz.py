"""Signed garbage: never a 500, never a hang, never a traceback, never an effect that nobody approved."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbot.sandbox.slack import text_of
from flowbot.sandbox.slack.delivery.envelope import Delivery
from tests.hostile.attack_steps import (
    FORM,
    ReceiverClient,
    Trap,
    forge_reason_forms,
    is_untouched,
    no_errors_logged,
    record_deliveries,
    run_trap,
)
from tests.hostile.malformed_payloads import EXAMPLES, JSON, MANY, TEXTS, free_payloads, mutated_payloads, repeat_key
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import approval_policy
from tests.journeys.workflow_steps import run_step
from tests.journeys.world import MARKETING, World

JSON_TYPE: Final = "application/json"
SUGGESTION: Final = {"type": "block_suggestion", "action_id": "flows.form.segment", "block_id": "segment", "value": "a"}


@pytest.fixture
async def client(world: World) -> AsyncIterator[ReceiverClient]:
    bot, origin = await world.start_http()
    async with aiohttp.ClientSession() as session:
        yield ReceiverClient(world, bot, origin, session)


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    async with run_trap() as caught:
        yield caught


def _count(world: World) -> int:
    return len(world.slack.workspace.list_visible_messages(MARKETING, "U0EMMA"))


# --- from nothing --------------------------------------------------------------------------------------------------


@MANY
@given(payload=free_payloads())
async def test_free_interactions(client: ReceiverClient, payload: dict[str, Any]) -> None:
    await client.deliver("interactive", payload)
    assert list_writes(client.world) == []


@MANY
@given(payload=free_payloads())
async def test_free_events(client: ReceiverClient, payload: dict[str, Any]) -> None:
    await client.deliver("events_api", payload)
    assert list_writes(client.world) == []


@MANY
@given(text=TEXTS, fields=st.dictionaries(TEXTS, TEXTS, max_size=3))
async def test_free_commands(client: ReceiverClient, text: str, fields: dict[str, str]) -> None:
    known = {"command": "/flows", "text": text, "user_id": "U0EMMA", "channel_id": MARKETING, "trigger_id": "1"}
    await client.deliver("slash_commands", fields | known)
    assert list_writes(client.world) == []


@MANY
@given(word=st.sampled_from(["list", "show", "enable", "history", "liste", "edit", "approvals", "setup"]), rest=TEXTS)
async def test_commands_with_anything_after_them(client: ReceiverClient, word: str, rest: str) -> None:
    known = {"command": "/flows", "text": f"{word} {rest}", "user_id": "U0EMMA", "channel_id": MARKETING}
    await client.deliver("slash_commands", known)
    assert list_writes(client.world) == []


@MANY
@given(body=st.binary(max_size=300), kind=st.sampled_from([FORM, JSON_TYPE, "text/plain", "multipart/form-data", "x"]))
async def test_free_bytes(client: ReceiverClient, body: bytes, kind: str) -> None:
    await client.post(body, kind)
    assert list_writes(client.world) == []


@MANY
@given(value=JSON, kind=st.sampled_from([FORM, JSON_TYPE]))
async def test_any_json(client: ReceiverClient, value: Any, kind: str) -> None:
    text = json.dumps(value)
    await client.post(urlencode({"payload": text}).encode() if kind == FORM else text.encode(), kind)
    assert list_writes(client.world) == []


# --- from what is real ---------------------------------------------------------------------------------------------


def _sort_by_kind(deliveries: list[Delivery]) -> list[tuple[str, dict[str, Any]]]:
    """Return one of each kind that was seen, and some that a person cannot make."""
    seen = {each.label: (str(each.kind), each.payload) for each in deliveries}
    (change,) = {action["value"] for _, payload in seen.values() for action in payload.get("actions", ())
                 if action["action_id"] == "changes.approve"}  # fmt: skip
    (form,) = (payload for what, (_, payload) in seen.items() if what == "view_submission flows.form")
    forged = [*forge_reason_forms(json.loads(change)["c"]), form | SUGGESTION, form | {"type": "view_closed"}]
    return [*seen.values(), *(("interactive", payload) for payload in forged)]


@pytest.fixture
async def recorded_kinds(client: ReceiverClient) -> list[tuple[str, dict[str, Any]]]:
    return _sort_by_kind(await record_deliveries(client.world))


@pytest.fixture
async def step(client: ReceiverClient) -> dict[str, Any]:
    await client.world.import_policy(approval_policy())
    run_step(client.world, "enable_flow", client.world.emma, flow=add_flow(client.world), reason="Now")
    await client.world.slack.dispatcher.wait_until_idle()
    return client.world.slack.deliveries[-1].payload


@settings(MANY, max_examples=EXAMPLES * 4)
@given(data=st.data())
async def test_what_is_real_with_some_of_it_wrong(
    client: ReceiverClient, recorded_kinds: list[tuple[str, dict[str, Any]]], trap: Trap, data: st.DataObject
) -> None:
    kind, real = data.draw(st.sampled_from(recorded_kinds))
    payload = data.draw(mutated_payloads(real))
    if data.draw(st.booleans()):
        payload["response_url"] = data.draw(st.sampled_from([trap.origin, f"{trap.origin}/x"]))
    await client.deliver(kind, payload)
    assert is_untouched(client.world)
    assert trap.calls == []


@MANY
@given(data=st.data())
async def test_a_step_with_some_of_it_wrong(client: ReceiverClient, step: dict[str, Any], data: st.DataObject) -> None:
    await client.deliver("events_api", {**step, "event": data.draw(mutated_payloads(step["event"]))})
    assert list_writes(client.world) == []


async def test_what_is_real_reaches_what_it_stands_for(
    client: ReceiverClient, recorded_kinds: list[tuple[str, dict[str, Any]]]
) -> None:
    """Else the test above would shoot past everything."""
    told = {key for kind, payload in recorded_kinds for key in await _find_answers(client, kind, payload)}
    assert told >= {"Page 1 of 2", "Page 2 of 2", "don't have permission"}


async def _find_answers(client: ReceiverClient, kind: str, payload: dict[str, Any]) -> set[str]:
    answer = await client.deliver(kind, payload | {"trigger_id": "another"})
    said = " ".join((answer, *(text_of(message) for message in await client.world.emma.list_messages(MARKETING))))
    return {words for words in ("Page 1 of 2", "Page 2 of 2", "don't have permission") if words in said}


# --- shapes that parsers stumble over ------------------------------------------------------------------------------

PRESS: Final[dict[str, Any]] = {
    "type": "block_actions",
    "user": {"id": "U0EMMA", "team_id": "T0LALE"},
    "channel": {"id": MARKETING},
    "container": {"type": "message", "message_ts": "1.2"},
    "actions": [{"action_id": "flows.show", "type": "button", "value": '{"f":1}'}],
    "trigger_id": "1.2.3",
}


DEPTHS: Final = (50, 300, 700, 900, 950, 980, 10_000)
"""Around the depth at which Python's own parser gives up, and far beyond."""


@pytest.mark.parametrize("where", ["actions", "view", "message", "anything"])
async def test_depth(client: ReceiverClient, where: str) -> None:
    for levels in DEPTHS:
        deep = '{"state":' * levels + "1" + "}" * levels if where == "view" else "[" * levels + "]" * levels
        text = json.dumps(PRESS | {where: "DEEP"}).replace('"DEEP"', deep)
        await client.post(urlencode({"payload": text}).encode())
        await client.post(text.encode(), JSON_TYPE)
    assert list_writes(client.world) == []


@pytest.mark.parametrize("key", ["type", "user", "actions", "trigger_id"])
async def test_a_key_that_stands_twice(client: ReceiverClient, key: str) -> None:
    values: tuple[Any, ...] = (None, "block_suggestion", [], {"id": "U0BURAK"})
    for value in values:
        await client.post(urlencode({"payload": repeat_key(PRESS, key, value)}).encode())
    assert list_writes(client.world) == []


FORMS: Final = {
    "the command twice": b"command=%2Fflows&command=%2Fother&text=list&user_id=U0EMMA&channel_id=C0MARKETING",
    "a payload beside a command": b"command=%2Fflows&payload=%7B%7D&text=list&user_id=U0EMMA&channel_id=C0MARKETING",
    "two payloads": b"payload=%7B%7D&payload=%5B%5D",
    "half an escape": b"command=%2&text=%zz%",
    "an escape that is no text": b"command=%2Fflows&text=%ff%fe&user_id=U0EMMA&channel_id=C0MARKETING",
    "UTF-16": "command=/flows&text=list".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbfpayload=%7B%7D",
    "semicolons": b"command=%2Fflows;text=list;user_id=U0EMMA",
    "nothing but equals": b"=" * 1000,
    "NaN": b"payload=" + b"NaN",
    "an object of NaN": b'payload={"type":NaN,"user":Infinity}',
}


@pytest.mark.parametrize("kind", [FORM, f"{FORM}; charset=utf-16", f"{FORM}; charset=martian", JSON_TYPE, "text/xml"])
async def test_forms(client: ReceiverClient, kind: str) -> None:
    for form in FORMS.values():
        await client.post(form, kind)
    assert list_writes(client.world) == []


# --- Socket Mode ---------------------------------------------------------------------------------------------------

ENVELOPES: Final = ("interactive", "slash_commands", "events_api", "hello", "disconnect_", "martian", "")


@settings(MANY, max_examples=max(EXAMPLES // 2, 1))
@given(shots=st.lists(st.tuples(st.sampled_from(ENVELOPES), free_payloads() | JSON), min_size=5, max_size=10))
async def test_envelopes(attacked: World, shots: list[tuple[str, Any]]) -> None:
    with no_errors_logged():
        for number, (kind, payload) in enumerate(shots):
            envelope = {"envelope_id": str(number), "type": kind, "payload": payload, "accepts_response_payload": True}
            await _find_message(attacked, json.dumps(envelope))
        await _check_connection(attacked)
    assert list_writes(attacked) == []


@pytest.fixture
async def attacked(world: World) -> World:
    await world.start_socket()
    return world


async def _find_message(world: World, text: str) -> None:
    (connection,) = world.slack.sockets._connections
    await connection.socket.send_str(text)


async def _check_connection(world: World) -> None:
    """Check that a command is answered, over the very same connection."""
    before = _count(world)
    await world.emma.send(MARKETING, "/flows help")
    await world.emma.wait_until(lambda: _count(world) > before)


RAW: Final = (
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"type": 5}',
    '{"type": "events_api"}',
    "[" * 20_000,
    '{"a":' * 20_000,
    "\0",
)


async def test_text_that_is_no_envelope(attacked: World) -> None:
    with no_errors_logged():
        for text in RAW:
            await _find_message(attacked, text)
            await _check_connection(attacked)


async def test_a_press_that_breaks_flowbot_does_not_break_the_socket(
    attacked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = asyncio.Event()

    async def breaks(*_: object) -> None:
        broken.set()
        raise RuntimeError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr("slack_bolt.async_app.AsyncApp.async_dispatch", breaks)
        await _find_message(attacked, json.dumps({"envelope_id": "1", "type": "interactive", "payload": PRESS}))
        async with asyncio.timeout(5):
            await broken.wait()
    await _check_connection(attacked)
