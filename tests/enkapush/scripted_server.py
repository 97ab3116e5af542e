"""A server on a socket that sends exactly what a test scripts, and objects to any request that no test expected."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from flowbot.enkapush.client import EnkapushClient, NewFlow, RetryPolicy, Timeouts, Timing
from tests.flow_fields import DOCUMENTED_FLOW

KEY = "ek-live-Zm9v+YmFy/42"

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Answers each request with the next entry of its script."""

    script: deque[bytes | Behaviour] = field(default_factory=deque)
    received: list[ReceivedRequest] = field(default_factory=list)
    unexpected: list[ReceivedRequest] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def add_answers(self, *answers: bytes | Behaviour) -> None:
        self.script.extend(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(await _read_request(reader), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, heard: ReceivedRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(heard)
        if not self.script:
            self.unexpected.append(heard)
            return
        answer = self.script.popleft()
        if callable(answer):
            await answer(reader, writer)
        else:
            writer.write(answer)
            await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return ReceivedRequest(method, target, headers, body)


def http_answer(status: int = 200, body: bytes | str = b"", **headers: str) -> bytes:
    """Return one whole HTTP answer; `retry_after="3"` becomes the header `retry-after: 3`."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} -", "connection: close", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@dataclass
class FakeTiming:
    """Time that passes only when somebody sleeps."""

    time: float = 0.0
    naps: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.time += seconds

    def timing(self) -> Timing:
        return Timing(now=lambda: self.time, sleep=self.sleep, jitter=lambda: 1.0)


class MakeClient(Protocol):
    def __call__(self, base_url: str, key: str = KEY, **options: Any) -> EnkapushClient: ...


@asynccontextmanager
async def run_scripted_server() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()
    assert not server.unexpected, f"nobody expected {server.unexpected}"


IMPATIENT = Timeouts(connect=1.0, read=0.3, write=1.0, pool=1.0, write_deadline=0.5)
"""For silent servers. Short for a test to wait, and long enough for a busy machine to answer in."""
ONE_TRY = RetryPolicy(attempts=1)


def flow_json(flow_id: int = 12, **changes: Any) -> dict[str, Any]:
    """Return a flow as the documentation's example shows it."""
    settings = DOCUMENTED_FLOW["settings"] | changes.pop("settings", {})
    return DOCUMENTED_FLOW | {"id": flow_id, "settings": settings} | changes


def item_body(flow: dict[str, Any]) -> str:
    """Return the body of a single read."""
    return json.dumps({"data": flow})


def page_body(*items: Any, page: int = 1, total: int | None = None, pages: int = 1) -> str:
    """Return the body of a list."""
    total = len(items) if total is None else total
    meta = {"page": page, "results_per_page": 25, "total": total, "total_pages": pages}
    return json.dumps({"data": items, "meta": meta})


def new_flow(**changes: Any) -> NewFlow:
    """Return a flow to create, with only what is required."""
    required: dict[str, Any] = {
        "website_id": 1,
        "name": "Welcome",
        "title": "Merhaba",
        "description": "Hoş geldin",
        "wait_time": 3,
        "wait_time_type": "days",
    }
    return NewFlow(**required | changes)
