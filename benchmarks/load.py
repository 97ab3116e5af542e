"""Load, and how long its acknowledgements take: one request alone, or many at once.

A request that is alone finds nothing in its way. With many at once latency is told of a volley only, all of whose
requests are due at the same moment and are counted from it: what waits for its turn in the client waits, too (else a
slow server would be asked less often, and look better than it is). Throughput is counted, not timed.

The client is kept out of what is measured: plain sockets and ready-made bytes, and its own cost is measured against a
server that answers with fixed bytes.
"""

import asyncio
import json
import re
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiohttp import WSMsgType, web

from benchmarks.wire import Shot
from flowbot.sandbox.slack import SIGNING_SECRET
from flowbot.sandbox.slack.delivery.http import build_signature_headers

HOST: Final = "127.0.0.1"
LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ANSWER_SECONDS: Final = 60.0


class Target(Protocol):
    """Something that acknowledges."""

    @property
    def name(self) -> str:
        """Whose acknowledgements these are."""
        ...

    async def alone(self, shot: Shot) -> float:
        """Send one; seconds to its acknowledgement."""
        ...

    async def together(self, shots: Sequence[Shot], at_once: int) -> list[float]:
        """Send them with `at_once` of them under way; seconds from the beginning to each acknowledgement."""
        ...


# --- HTTP ----------------------------------------------------------------------------------------------------------


@dataclass
class HttpTarget:
    """A server of `POST /slack/events`. What is sent alone goes through a connection that stays."""

    name: str
    port: int
    _line: socket.socket | None = None

    async def alone(self, shot: Shot) -> float:
        """As `Target` says; by a blocking socket in a thread, which costs least."""
        return await asyncio.to_thread(self._alone, signed(shot))

    async def together(self, shots: Sequence[Shot], at_once: int) -> list[float]:
        """As `Target` says; on as many connections as may be under way, all open before the first request."""
        volley = Volley(deque(signed(shot) for shot in shots))
        loop = asyncio.get_running_loop()
        lines = [
            (await loop.create_connection(lambda: Line(volley), HOST, self.port))[1]
            for _ in range(min(at_once, len(shots)))
        ]
        try:
            return await volley.fired(lines)
        finally:
            for line in lines:
                line.close()

    def _alone(self, request: bytes) -> float:
        if self._line is None:
            self._line = _connected(self.port)
        began = time.perf_counter()
        exchange(self._line, request)
        return time.perf_counter() - began

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()


def signed(shot: Shot) -> bytes:
    """The whole HTTP request, signed as of now."""
    headers = {
        "Host": HOST,
        "Content-Type": shot.content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        "Content-Length": str(len(shot.body)),
        **build_signature_headers(SIGNING_SECRET, shot.body),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /slack/events HTTP/1.1\r\n{head}\r\n{shot.body}".encode()


def exchange(line: socket.socket, request: bytes) -> None:
    """Send a request and take its answer.

    Raises:
        RuntimeError: the answer is no acknowledgement.
    """
    line.sendall(request)
    answer = b""
    while (rest := missing(answer)) > 0:
        piece = line.recv(65536)
        if not piece:
            raise RuntimeError("the server hung up")
        answer += piece
    del rest


def missing(answer: bytes) -> int:
    """How many bytes at least are lacking of a whole answer.

    Raises:
        RuntimeError: it is no acknowledgement.
    """
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return 1
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"no acknowledgement: {answer[:300]!r}")
    length = LENGTH.search(head)
    return (int(length[1]) if length else 0) - len(body)


@contextmanager
def line_to(port: int) -> Iterator[socket.socket]:
    """A connection to a server on this machine."""
    with _connected(port) as line:
        yield line


def _connected(port: int) -> socket.socket:
    line = socket.create_connection((HOST, port), timeout=ANSWER_SECONDS)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


class Volley:
    """Requests that several connections share, and when each was acknowledged."""

    def __init__(self, requests: deque[bytes]) -> None:
        self._requests = requests
        self._wanted = len(requests)
        self._began = 0.0
        self._times: list[float] = []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def fired(self, lines: Sequence["Line"]) -> list[float]:
        """Fire on all lines, and wait for the last answer."""
        self._began = time.perf_counter()
        for line in lines:
            line.fire()
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._done
        return self._times

    def next(self) -> bytes | None:
        """The next request, if any is left."""
        return self._requests.popleft() if self._requests else None

    def hit(self) -> None:
        """One was acknowledged."""
        self._times.append(time.perf_counter() - self._began)
        if len(self._times) == self._wanted:
            self._done.set_result(None)

    def failed(self, error: Exception) -> None:
        """One was not."""
        if not self._done.done():
            self._done.set_exception(error)


class Line(asyncio.Protocol):
    """One connection of a volley: a request at a time."""

    def __init__(self, volley: Volley) -> None:
        self._volley = volley
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has no other
        self._transport = transport

    def fire(self) -> None:
        """Send the next request."""
        if request := self._volley.next():
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        self._answer += data
        try:
            if missing(self._answer) > 0:
                return
        except RuntimeError as error:
            self._volley.failed(error)
            return
        self._answer = b""
        self._volley.hit()
        self.fire()

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


# --- Socket Mode ---------------------------------------------------------------------------------------------------


@dataclass
class SocketTarget:
    """Somebody who is connected by Socket Mode."""

    name: str
    socket: web.WebSocketResponse
    _awaited: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    async def alone(self, shot: Shot) -> float:
        """As `Target` says."""
        began = time.perf_counter()
        return await self._acknowledged(shot) - began

    async def together(self, shots: Sequence[Shot], at_once: int) -> list[float]:
        """As `Target` says."""
        waiting, began, times = deque(shots), time.perf_counter(), []

        async def hand() -> None:
            while waiting:
                times.append(await self._acknowledged(waiting.popleft()) - began)

        async with asyncio.TaskGroup() as hands:
            for _ in range(at_once):
                hands.create_task(hand())
        return times

    async def _acknowledged(self, shot: Shot) -> float:
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._awaited[shot.envelope_id] = answer
        try:
            await self.socket.send_str(shot.envelope)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        finally:
            del self._awaited[shot.envelope_id]

    def settle(self, text: str) -> None:
        """Take an acknowledgement."""
        answer = self._awaited.get(json.loads(text).get("envelope_id", ""))
        if answer is not None:
            answer.set_result(time.perf_counter())


class SocketHub:
    """Slack's end of Socket Mode: who connects to `/NAME` becomes the target of that name."""

    def __init__(self) -> None:
        self.url = ""
        self._targets: dict[str, asyncio.Future[SocketTarget]] = {}

    async def target(self, name: str) -> SocketTarget:
        """The target of that name, once it is connected."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.shield(self._target(name))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take connections at `url` until the block ends."""
        app = web.Application()
        app.router.add_get("/{name}", self._connected)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, 0).start()
            self.url = f"ws://{HOST}:{runner.addresses[0][1]}"
            yield

    def _target(self, name: str) -> asyncio.Future[SocketTarget]:
        return self._targets.setdefault(name, asyncio.get_running_loop().create_future())

    async def _connected(self, request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        await line.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        target = SocketTarget(request.match_info["name"], line)
        self._target(target.name).set_result(target)
        async for message in line:
            if message.type is WSMsgType.TEXT:
                target.settle(message.data)
        return line
