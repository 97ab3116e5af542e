"""`POST /slack/events` and its neighbours: who gets in, what is answered, and what an engineer can ask."""

import asyncio
import hashlib
import hmac
import io
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import SIGNING_SECRET, text_of
from flowbot.sandbox.slack.models import Json, Person
from flowbot.sandbox.slack.serializers import serialize_user
from flowbot.sandbox.slack.workspace import Workspace
from flowbot.server.receiver import Receiver
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.parser import UNUSED_TYPES
from tests.journeys.world import MARKETING, World, block_database, on_both_databases

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
COMMAND: Final = {
    "command": "/flows",
    "text": "help",
    "user_id": "U0EMMA",
    "channel_id": MARKETING,
    "team_id": "T0LALE",
    "response_url": "",
}
PRESS: Final[dict[str, Any]] = {
    "type": "block_actions",
    "user": {"id": "U0EMMA", "team_id": "T0LALE"},
    "team": {"id": "T0LALE", "enterprise_id": None},
    "channel": {"id": MARKETING, "name": "marketing"},
    "container": {"type": "message", "message_ts": "1.2", "channel_id": MARKETING},
    "message": {"ts": "1.2", "blocks": []},
    "actions": [{"action_id": "flows.of.tomorrow", "block_id": "b", "type": "button", "value": "{}"}],
    "response_url": "",
    "trigger_id": "1.2.3",
}


def sign(body: bytes, *, age: float = 0, secret: str = SIGNING_SECRET) -> dict[str, str]:
    moment = str(int(time.time() - age))
    digest = hmac.new(secret.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


def encode_payload(payload: Any) -> bytes:
    return urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}).encode()


class ReceiverClient:
    """Posts requests to a bot's receiver."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session = session
        self._origin = origin

    async def post(
        self, body: bytes, content_type: str = FORM, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        sent = {"Content-Type": content_type, **(sign(body) if headers is None else headers)}
        async with self._session.post(f"{self._origin}/slack/events", data=io.BytesIO(body), headers=sent) as answer:
            return answer.status, await answer.text()

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(f"{self._origin}{path}") as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def client(world: World) -> AsyncIterator[ReceiverClient]:
    _, origin = await world.start_http()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield ReceiverClient(session, origin)


# --- who gets in ---------------------------------------------------------------------------------------------------

BODY: Final = urlencode(COMMAND).encode()


def headers_without(name: str) -> dict[str, str]:
    return {key: value for key, value in sign(BODY).items() if key != name}


def bad_headers() -> dict[str, dict[str, str]]:
    """Return headers that the receiver refuses, signed as of now."""
    return {
        "no headers": {},
        "no signature": headers_without("X-Slack-Signature"),
        "no timestamp": headers_without("X-Slack-Request-Timestamp"),
        "another secret": sign(BODY, secret="guessed"),
        "no secret": sign(BODY, secret=""),
        "another body": sign(BODY + b"x"),
        "older than five minutes": sign(BODY, age=301),
        "from the future": sign(BODY, age=-310),
        "an old one of another secret": sign(BODY, age=301, secret="guessed"),
        "an empty signature": {**sign(BODY), "X-Slack-Signature": ""},
        "a signature of another alphabet": {**sign(BODY), "X-Slack-Signature": "v0=şifre"},
        "bytes for a signature": {**sign(BODY), "X-Slack-Signature": "v0=\udcff\udcfe"},
        "a word for a timestamp": {**sign(BODY), "X-Slack-Request-Timestamp": "now"},
        "digits of another alphabet": {**sign(BODY), "X-Slack-Request-Timestamp": "١٢٣"},
        "a negative timestamp": {**sign(BODY), "X-Slack-Request-Timestamp": "-1"},
        "an endless timestamp": {**sign(BODY), "X-Slack-Request-Timestamp": "9" * 4000},
        "a fraction for a timestamp": {**sign(BODY), "X-Slack-Request-Timestamp": f"{time.time()}"},
    }


MISSING: Final = {"no headers", "no signature", "no timestamp", "an empty signature"}
AGES: Final = {"older than five minutes": 301, "from the future": -310}


@pytest.mark.parametrize("stranger", bad_headers())
async def test_without_a_good_signature_nobody_gets_in(world: World, client: ReceiverClient, stranger: str) -> None:
    signature = "missing" if stranger in MISSING else "old" if stranger in AGES else "wrong"
    with capture_logs() as logged:
        status, _ = await client.post(BODY, headers=bad_headers()[stranger])
    assert status == 401
    assert await world.emma.list_messages(MARKETING) == []
    (line,) = [line for line in logged if line["event"] == "entry.not_signed"]
    assert line["signature"] == signature
    assert line.get("seconds_old", 0) == pytest.approx(AGES.get(stranger, 0), abs=3)
    _, scraped = await client.get("/metrics")
    assert f'flowbot_unsigned_requests_total{{signature="{signature}"}} 1.0' in scraped


async def test_a_request_of_four_minutes_ago_is_still_good(world: World, client: ReceiverClient) -> None:
    assert (await client.post(BODY, headers=sign(BODY, age=240))) == (200, "")
    await world.emma.wait_for_message(MARKETING, "You can")


# --- what is none of Slack's ---------------------------------------------------------------------------------------

MALFORMED: Final = {
    "nothing": (b"", FORM),
    "nothing, as JSON": (b"", JSON),
    "no JSON": (b"flows", JSON),
    "a list": (b"[1]", JSON),
    "null": (b"null", JSON),
    "an empty object": (b"{}", JSON),
    "deep lists": (b"[" * 100_000, JSON),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, JSON),
    "deep lists in a payload": (encode_payload("[" * 100_000), FORM),
    "a payload that is no JSON": (encode_payload("x"), FORM),
    "an endless number": (encode_payload('{"type":' + "9" * 5000 + "}"), FORM),
    "an empty payload": (encode_payload({}), FORM),
    "a kind of tomorrow": (encode_payload({"type": "martian"}), FORM),
    "no text": (b"\xff\xfe\x00\x01", FORM),
    "no text, as JSON": (b"\xff\xfe\x00\x01", JSON),
    "half a letter": (BODY.replace(b"help", b"%c3"), "application/json"),
    "too many fields": (BODY + b"".join(b"&f%d=1" % number for number in range(250)), FORM),
    "nothing but ampersands": (b"&" * 5000, FORM),
    "a command of nobody's": (b"command=%2Fflows", FORM),
    "a command of no person's": (BODY.replace(b"U0EMMA", b"emma%00"), FORM),
    "a command of no channel's": (BODY.replace(MARKETING.encode(), b"marketing"), FORM),
    "another app's command": (BODY.replace(b"flows", b"deploy"), FORM),
    "an event of no shape": (b'{"type": "event_callback", "event": "x"}', JSON),
    "an event with no kind": (b'{"type": "event_callback", "event": {"type": 5}}', JSON),
    "a submit of no form": (encode_payload({"type": "view_submission", "user": PRESS["user"]}), FORM),
    "a submit of a text": (encode_payload({"type": "view_submission", "view": "x"}), FORM),
    "a submit of half a form": (encode_payload({"type": "view_submission", "view": {"callback_id": "x"}}), FORM),
    "an old dialog": (encode_payload({"type": "dialog_submission", "callback_id": 5}), FORM),
    "an old button": (encode_payload({"type": "interactive_message", "callback_id": 5, "actions": "x"}), FORM),
    "two megabytes": (b"x" * 2_000_000, FORM),
}


@pytest.mark.parametrize("garbage", MALFORMED)
async def test_signed_garbage_is_the_senders_mistake(world: World, client: ReceiverClient, garbage: str) -> None:
    with capture_logs() as logged:
        status, said = await client.post(*MALFORMED[garbage])
    assert 400 <= status < 500
    kinds = [line["kind"] for line in logged if line["event"] == "entry.malformed"]
    # What is no text cannot be signed.
    wanted = {401: set(), 404: {"unknown"}, 413: {"unread"}}.get(status, {"body", "payload"})
    assert len(kinds) == (status != 401)
    assert set(kinds) <= wanted
    _, scraped = await client.get("/metrics")
    counted = re.findall(r"^flowbot_malformed_requests_total.*", scraped, re.MULTILINE)
    assert counted == [f'flowbot_malformed_requests_total{{kind="{kind}"}} 1.0' for kind in kinds]
    assert "Traceback" not in said
    assert await world.emma.list_messages(MARKETING) == []


def _mutations(value: Any, replacement: Any) -> Iterator[Any]:
    """Yield the value with each of its parts taken out, or replaced, one at a time."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        copy = value.copy()
        copy.pop(key)
        yield copy
        for changed in (replacement, *_mutations(part, replacement)):
            copy = value.copy()
            copy[key] = changed
            yield copy


@pytest.mark.parametrize("replacement", [None, 5, "x", True, [], {}, [1], {"id": 5}, "\0", "\ud800"])
async def test_a_press_with_any_part_missing_or_wrong_never_breaks_the_server(
    client: ReceiverClient, replacement: Any
) -> None:
    answers = [await client.post(encode_payload(payload)) for payload in _mutations(PRESS, replacement)]
    assert len(answers) == 50
    assert {status for status, _ in answers} <= {200, 400, 404}


NULLS: Final[dict[str, dict[str, Any]]] = {
    "block_id": {"actions": [{**PRESS["actions"][0], "block_id": None}]},
    "value": {"actions": [{**PRESS["actions"][0], "value": None}]},
    "the team's id": {"team": {"id": None}},
    "the person's team": {"user": {"id": "U0EMMA", "team_id": None}},
    "the message's time": {"container": {"message_ts": None, "is_ephemeral": None}},
    "what is inside of the message": {"message": {"ts": None, "blocks": None}},
    **{
        name: {name: None}
        for name in (
            "response_url", "trigger_id", "container", "team", "view", "message", "event", "callback_id", "action_id",
            "block_id", "command", "enterprise", "authorizations", "state", "function_data", "is_enterprise_install",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("null", NULLS)
async def test_null_in_a_press_is_as_good_as_nothing(world: World, client: ReceiverClient, null: str) -> None:
    assert await client.post(encode_payload({**PRESS, **NULLS[null]})) == (200, "")
    await world.emma.wait_for_message(MARKETING, "button")


def serialize_without_team(workspace: Workspace, person: Person, *, include_locale: bool = False) -> Json:
    return {**serialize_user(workspace, person, include_locale=include_locale), "team_id": None}


@pytest.mark.parametrize(
    ("place", "said"), [("T0LALE", "Page 1 of 2"), ("T0WERBE", "Only people of this organisation")]
)
async def test_where_slack_tells_nobodys_team_the_place_counts(
    world: World, client: ReceiverClient, monkeypatch: pytest.MonkeyPatch, place: str, said: str
) -> None:
    monkeypatch.setattr("flowbot.sandbox.slack.webapi.users.serialize_user", serialize_without_team)
    world.add_flows(12)
    action = {"action_id": "flows.list.next", "value": "{}"}
    press = {**PRESS, "user": {"id": "U0EMMA"}, "team": {"id": place}, "actions": [action]}
    assert await client.post(encode_payload(press)) == (200, "")
    await world.emma.wait_for_message(MARKETING, said)


async def test_null_in_an_event_is_as_good_as_nothing(client: ReceiverClient) -> None:
    opened = {"type": "app_home_opened", "user": "U0EMMA", "tab": "home", "view": None, "channel": None}
    fields = {"type": "event_callback", "team_id": None, "enterprise_id": None, "authorizations": None, "view": None}
    assert await client.post(json.dumps({**fields, "event": opened}).encode(), JSON) == (200, "")


async def test_null_in_a_command_over_a_socket_is_as_good_as_nothing(world: World) -> None:
    bot, _ = await world.start_http()
    fields = dict.fromkeys(("text", "team_id", "enterprise_id", "response_url", "trigger_id", "view"))
    answer = await Receiver(bot.bolt, bot.tasks, bot.metrics).answer({**COMMAND, **fields}, {}, delivery="1")
    assert answer.status == 200
    await world.emma.wait_for_message(MARKETING, "You can")


async def test_a_command_is_acknowledged_before_anything_is_done_for_it(world: World) -> None:
    bot, _ = await world.start_http()
    answer = await Receiver(bot.bolt, bot.tasks, bot.metrics).answer(COMMAND, {}, delivery="1")
    assert (answer.status, answer.body, len(bot.tasks)) == (200, "", 1)
    assert not await world.emma.list_messages(MARKETING)
    await world.emma.wait_for_message(MARKETING, "You can")


@pytest.mark.parametrize("odd", [{"event": "x"}, {"callback_id": [1]}, {"view": 5}, {"message": 3}])
async def test_what_bolt_would_stumble_over_is_refused_before_it_is_acknowledged(
    world: World, odd: dict[str, Any]
) -> None:
    bot, _ = await world.start_http()
    answer = await Receiver(bot.bolt, bot.tasks, bot.metrics).answer({**COMMAND, **odd}, {}, delivery="1")
    assert (answer.status, len(bot.tasks)) == (400, 0)


async def test_a_command_that_was_acknowledged_in_the_moment_of_a_stop_is_carried_out(world: World) -> None:
    bot, _ = await world.start_http()
    await Receiver(bot.bolt, bot.tasks, bot.metrics).answer(COMMAND, {}, delivery="1")
    await bot.tasks.drain(5)
    assert not bot.tasks
    assert any("You can" in text_of(message) for message in await world.emma.list_messages(MARKETING))


async def test_nul_in_a_command_is_not_seen_and_not_read(world: World, client: ReceiverClient) -> None:
    assert (await client.post(BODY.replace(b"help", b"li%00st")))[0] == 200
    await world.emma.wait_for_message(MARKETING, "0 flows")


# --- what is answered ----------------------------------------------------------------------------------------------


async def test_slack_learns_that_the_address_is_flowbots(client: ReceiverClient) -> None:
    status, said = await client.post(b'{"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"}', JSON)
    assert status == 200
    assert json.loads(said) == {"challenge": "3eZbrw1aB"}


async def test_slack_learns_that_the_address_can_be_reached(world: World, client: ReceiverClient) -> None:
    asked = b"ssl_check=1&token=x"
    assert await client.post(asked) == (200, "")
    assert (await client.post(asked, headers={}))[0] == 401
    assert await world.emma.list_messages(MARKETING) == []


async def test_an_event_is_taken_note_of(client: ReceiverClient) -> None:
    event = {"type": "event_callback", "team_id": "T0LALE", "event": {"type": "app_home_opened", "user": "U0EMMA"}}
    assert await client.post(json.dumps(event).encode(), JSON) == (200, "")


async def test_a_button_of_another_version_gets_a_sentence(world: World, client: ReceiverClient) -> None:
    assert await client.post(encode_payload(PRESS)) == (200, "")
    said = await world.emma.wait_for_message(MARKETING, lambda message: message.is_ephemeral)
    assert "button" in text_of(said)


async def test_an_ack_takes_milliseconds(world: World, client: ReceiverClient) -> None:
    world.enkapush.faults.add(Fault.hang(times=None))
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        assert (await client.post(BODY.replace(b"help", b"list")))[0] == 200
        taken.append(time.perf_counter() - started)
    assert sorted(taken)[2] < 0.05


# --- what an engineer can ask --------------------------------------------------------------------------------------


@on_both_databases
async def test_alive_and_ready(client: ReceiverClient) -> None:
    assert await client.get("/healthz") == (200, "ok\n")
    status, said = await client.get("/readyz")
    assert status == 200
    assert json.loads(said) == {"database": "ok", "enkapush": "ok", "slack_token": "ok"}


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault.status(401, times=None), "key"),
        (Fault.reset(times=None), "down"),
        (Fault.status(500, times=None), "broken"),
        (Fault.too_many(0, times=None), "busy"),
    ],
)
async def test_not_ready_while_enkapush_fails(world: World, client: ReceiverClient, fault: Fault, state: str) -> None:
    world.enkapush.faults.add(fault)
    status, said = await client.get("/readyz")
    assert status == 503
    assert json.loads(said) == {"database": "ok", "enkapush": state, "slack_token": "ok"}
    assert (await client.get("/healthz"))[0] == 200


async def test_an_enkapush_that_hangs_is_called_slow_in_time(world: World, client: ReceiverClient) -> None:
    world.enkapush.faults.add(Fault.hang(times=None))
    started = time.monotonic()
    status, said = await client.get("/readyz")
    assert time.monotonic() - started < 4
    assert status == 503
    assert json.loads(said) == {"database": "ok", "enkapush": "slow", "slack_token": "ok"}


@pytest.mark.postgresql
@pytest.mark.parametrize("journey_database", ["postgresql"], indirect=True)
async def test_not_ready_without_the_database(world: World, client: ReceiverClient, journey_database: str) -> None:
    block_database(journey_database)
    status, said = await client.get("/readyz")
    assert status == 503
    assert json.loads(said) == {"database": "down", "enkapush": "ok", "slack_token": "ok"}
    await world.emma.send(MARKETING, "/flows list")
    await world.emma.wait_for_message(MARKETING, "give the engineer this code")


async def read_counters(client: ReceiverClient) -> Counter[tuple[str, str]]:
    """Return every counter by its name and its most telling label, summed over the others."""
    status, text = await client.get("/metrics")
    assert status == 200
    found: Counter[tuple[str, str]] = Counter()
    for sample in (sample for family in text_string_to_metric_families(text) for sample in family.samples):
        label = sample.labels.get("status") or sample.labels.get("outcome") or sample.labels.get("kind", "")
        found[sample.name, label] += sample.value  # type: ignore[assignment] # counters of any number
    return found


async def test_metrics_count_acks_calls_and_outcomes(world: World, client: ReceiverClient) -> None:
    assert (await read_counters(client))[("flowbot_work_in_hand", "")] == 0
    world.add_flows(1)
    world.enkapush.faults.add(Fault.status(401))
    await world.emma.send(MARKETING, "/flows list")
    await world.emma.wait_for_message(MARKETING, "doesn't accept flowbot's API key")
    await world.emma.send(MARKETING, "/flows list")
    await world.emma.wait_for_message(MARKETING, "1 flow")
    await world.emma.send(MARKETING, "/flows lst")
    await world.emma.wait_for_message(MARKETING, "Did you mean")
    await client.post(encode_payload(PRESS))
    await world.emma.wait_for_message(MARKETING, "button")
    async with asyncio.timeout(5):
        while (seen := await read_counters(client))[("flowbot_work_in_hand", "")]:
            continue
    assert seen[("flowbot_ack_seconds_count", "command")] == 3
    assert seen[("flowbot_ack_seconds_count", "action")] == 1
    assert seen[("flowbot_enkapush_seconds_count", "200")] == 1
    assert seen[("flowbot_enkapush_seconds_count", "401")] == 1
    assert seen[("flowbot_requests_total", "done")] == 1
    assert seen[("flowbot_requests_total", "fault")] == 1
    assert seen[("flowbot_requests_total", "refused")] >= 1


# --- what flowbot never asked for ----------------------------------------------------------------------------------

EMMA: Final = {"id": "U0EMMA", "team_id": "T0LALE"}


@pytest.mark.parametrize("kind", sorted(UNUSED_TYPES))
async def test_a_request_of_a_feature_that_flowbot_has_not_is_refused_before_bolt(
    client: ReceiverClient, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = {"type": "event_callback", "event": {"type": kind, "user": "U0EMMA", "channel": MARKETING, "text": ""}}
    status, _ = await client.post(json.dumps(event).encode(), JSON)
    assert status == 400
    for named in (*ActionId, "flows.form", "zzz"):
        interaction = {"type": kind, "callback_id": named, "user": EMMA, "actions": [{"action_id": named}]}
        status, _ = await client.post(urlencode({"payload": json.dumps(interaction)}).encode())
        assert status == 400
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("menu", ["flows.form.website", "flows.setup.group", "zzz"])
@pytest.mark.parametrize("callback", ["odd", '\ud800\n"', "flows.form"])
async def test_what_a_menu_sends_is_no_label_of_a_metric(client: ReceiverClient, menu: str, callback: str) -> None:
    view = {"type": "modal", "callback_id": callback, "private_metadata": "{}"}
    asked = {"type": "block_suggestion", "user": EMMA, "action_id": menu, "block_id": "b", "value": "", "view": view}
    status, _ = await client.post(urlencode({"payload": json.dumps(asked)}).encode())
    assert status == 200
    status, told = await client.get("/metrics")
    assert status == 200
    names = set(re.findall(r'flowbot_ack_seconds_count\{kind="options",name="([^"]*)"', told))
    assert names <= {"flows.form", "flows.setup.step", "unknown"}
    assert names


@pytest.mark.parametrize("kind", ["view_submission", "view_closed"])
async def test_a_view_of_a_feature_that_flowbot_has_not_is_refused(client: ReceiverClient, kind: str) -> None:
    view = {"type": "workflow_step", "callback_id": "flows.form", "private_metadata": "{}"}
    status, _ = await client.post(
        urlencode({"payload": json.dumps({"type": kind, "user": EMMA, "view": view})}).encode()
    )
    assert status == 400
