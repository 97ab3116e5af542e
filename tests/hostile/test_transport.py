"""Attacks beneath the payload: other methods, compressed bodies, false lengths, and wrong signatures."""

import asyncio
import gzip
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest

from flowbot.sandbox.slack import SIGNING_SECRET
from tests.hostile.attack_steps import (
    ACK_SECONDS,
    ALLOWED_STATUSES,
    FORM,
    ReceiverClient,
    no_errors_logged,
    sign,
    wait_until_idle,
)
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import approval_policy
from tests.journeys.world import World

BODY: Final = b"command=%2Fflows&text=disable+1&user_id=U0EMMA&channel_id=C0MARKETING&team_id=T0LALE&trigger_id=1"


@pytest.fixture
async def client(world: World) -> AsyncIterator[ReceiverClient]:
    """Return a client of a bot that would carry `BODY` out."""
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True)
    bot, origin = await world.start_http()
    async with aiohttp.ClientSession() as session:
        yield ReceiverClient(world, bot, origin, session)


async def is_untouched(client: ReceiverClient) -> bool:
    await wait_until_idle(client.bot)
    return list_writes(client.world) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
async def test_another_method_than_post(client: ReceiverClient, method: str) -> None:
    with no_errors_logged():
        async with client.session.request(
            method, f"{client.origin}/slack/events", data=BODY, headers=sign(BODY)
        ) as answer:
            assert answer.status == 405
    assert await is_untouched(client)


SQUEEZED: Final = gzip.compress(BODY)
BOMB: Final = gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("sent", "over"),
    [(SQUEEZED, SQUEEZED), (BOMB, BOMB), (b"no gzip", b"no gzip"), (SQUEEZED[:20], SQUEEZED[:20])],
    ids=["a command", "a bomb", "no gzip", "half of it"],
)
async def test_a_squeezed_body_is_left_squeezed(client: ReceiverClient, sent: bytes, over: bytes) -> None:
    headers = {"Content-Type": FORM, "Content-Encoding": "gzip", **sign(over)}
    with no_errors_logged():
        async with (
            asyncio.timeout(ACK_SECONDS),
            client.session.post(f"{client.origin}/slack/events", data=sent, headers=headers, compress=False) as answer,
        ):
            assert answer.status in ALLOWED_STATUSES
    assert await is_untouched(client)


def raw_request(length: str, body: bytes, more: str = "") -> bytes:
    """Return a request as bytes, whatever its length says."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in sign(body).items())
    start = f"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    return f"{start}{headers}{more}{length}\r\n\r\n".encode() + body


LIES: Final = {
    "a length too short": (f"Content-Length: {len(BODY) - 10}", BODY, ""),
    "no length": ("X-Nothing: 1", BODY, ""),
    "a negative length": ("Content-Length: -1", BODY, ""),
    "a length that is a word": ("Content-Length: many", BODY, ""),
    "an endless length": (f"Content-Length: {'9' * 30}", BODY, ""),
    "two lengths": (f"Content-Length: 5\r\nContent-Length: {len(BODY)}", BODY, ""),
    "a length and chunks": (f"Content-Length: {len(BODY)}", BODY, "Transfer-Encoding: chunked\r\n"),
    "chunks that are none": ("Transfer-Encoding: chunked", BODY, ""),
    "a length above all": ("Content-Length: 2000000", BODY, ""),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_length_that_is_a_lie(client: ReceiverClient, lie: str) -> None:
    """It is refused, or nothing comes of it: where more is promised than sent, the line is closed from outside."""
    port = int(client.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw_request(LIES[lie][0], LIES[lie][1], LIES[lie][2]))
    await writer.drain()
    writer.write_eof()
    async with asyncio.timeout(ACK_SECONDS):
        said = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert said == b"" or said.split()[1] in {b"400", b"401", b"413"}
    assert await is_untouched(client)


async def test_a_body_that_never_ends_holds_up_nobody(client: ReceiverClient) -> None:
    port = int(client.origin.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw_request(f"Content-Length: {len(BODY) + 1}", BODY))
    await writer.drain()
    assert (await client.post(BODY.replace(b"disable", b"show")))[0] == 200
    writer.close()
    await writer.wait_closed()
    assert await is_untouched(client)


TIMES: Final = (
    "{now}.0",
    " {now}",
    "{now} ",
    "+{now}",
    "0x{now:x}",
    "{now}\u00b2",
    "{now},{now}",
    "-{now}",
    "1e9",
    "",
    "NaN",
)


@pytest.mark.parametrize("shape", TIMES)
async def test_a_time_that_is_not_slacks_even_if_it_was_signed(client: ReceiverClient, shape: str) -> None:
    moment = shape.format(now=int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), b"v0:" + moment.encode() + b":" + BODY, hashlib.sha256).hexdigest()
    headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}
    async with client.session.post(f"{client.origin}/slack/events", data=BODY, headers=headers) as answer:
        # Blanks around a header are no part of it: then it is Slack's own time, with another's signature.
        assert answer.status == 401
    assert await is_untouched(client)


@pytest.mark.parametrize("spelled", ["V0={}", "v1={}", "{}", "v0=={}", "v0={}0", "v0=" + "0" * 64])
async def test_a_signature_that_is_almost_right(client: ReceiverClient, spelled: str) -> None:
    headers = sign(BODY)
    digest = headers["X-Slack-Signature"].removeprefix("v0=")
    headers["X-Slack-Signature"] = spelled.format(digest)
    async with client.session.post(
        f"{client.origin}/slack/events", data=BODY, headers=headers | {"Content-Type": FORM}
    ) as answer:
        assert answer.status == 401
    assert await is_untouched(client)
