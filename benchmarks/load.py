"""Load by HTTP and Socket Mode, and the time to each acknowledgement.

The client is kept out of what is measured: plain sockets and bytes that were made before.
"""

import asyncio
import json
import re
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiohttp import WSMsgType, web

from benchmarks.protocol import SlackRequest
from flowbot.sandbox.slack import SIGNING_SECRET
from flowbot.sandbox.slack.delivery.http import build_signature_headers

HOST: Final = "127.0.0.1"
CONTENT_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TIMEOUT_SECONDS: Final = 60.0


class Target(Protocol):
    """A bot that acknowledges requests."""

    @property
    def name(self) -> str:
        """The bot's name."""
        ...

    async def send(self, request: SlackRequest) -> float:
        """Send one request, and return the seconds to its acknowledgement."""
        ...

    async def send_concurrently(self, requests: Sequence[SlackRequest], concurrency: int) -> None:
        """Send all with so many under way at once, until each is acknowledged."""
        ...


# --- HTTP ----------------------------------------------------------------------------------------------------------


@dataclass
class HttpTarget:
    """A server of `POST /slack/events`. Single requests share one connection."""

    name: str
    port: int
    _connection: socket.socket | None = None

    async def send(self, request: SlackRequest) -> float:
        """See `Target`. A blocking socket in a thread costs least."""
        return await asyncio.to_thread(self._send, sign(request))

    async def send_concurrently(self, requests: Sequence[SlackRequest], concurrency: int) -> None:
        """See `Target`. All connections are open before the first request."""
        batch = Batch(deque(sign(request) for request in requests))
        loop = asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: BatchConnection(batch), HOST, self.port))[1]
            for _ in range(min(concurrency, len(requests)))
        ]
        try:
            for connection in connections:
                connection.send_next()
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await batch.done
        finally:
            for connection in connections:
                connection.close()

    def _send(self, request: bytes) -> float:
        if self._connection is None:
            self._connection = connect(self.port)
        began = time.perf_counter()
        exchange(self._connection, request)
        return time.perf_counter() - began

    def close(self) -> None:
        """Close the connection of single requests."""
        if self._connection is not None:
            self._connection.close()


def sign(request: SlackRequest) -> bytes:
    """Return the whole HTTP request, signed as of now."""
    headers = {
        "Host": HOST,
        "Content-Type": request.content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        "Content-Length": str(len(request.body)),
        **build_signature_headers(SIGNING_SECRET, request.body),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /slack/events HTTP/1.1\r\n{head}\r\n{request.body}".encode()


def connect(port: int) -> socket.socket:
    """Connect to a server on this machine."""
    connection = socket.create_connection((HOST, port), timeout=TIMEOUT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection: socket.socket, request: bytes) -> None:
    """Send a request, and wait for its acknowledgement.

    Raises:
        RuntimeError: the answer is no acknowledgement.
    """
    connection.sendall(request)
    answer = b""
    while not is_complete(answer):
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError("the server hung up")
        answer += piece


def is_complete(answer: bytes) -> bool:
    """Check whether the answer has arrived whole.

    Raises:
        RuntimeError: it is no acknowledgement.
    """
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    if b" 200 " not in head[:16]:
        raise RuntimeError(f"no acknowledgement: {answer[:300]!r}")
    length = CONTENT_LENGTH.search(head)
    return len(body) >= (int(length[1]) if length else 0)


class Batch:
    """Requests that several connections share; `done` when all are acknowledged."""

    def __init__(self, requests: deque[bytes]) -> None:
        self.requests = requests
        self.open_count = len(requests)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class BatchConnection(asyncio.Protocol):
    """A connection of a batch, with one request at a time."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has no other
        self._transport = transport

    def send_next(self) -> None:
        """Send the next request, if any is left."""
        if self._batch.requests:
            self._transport.write(self._batch.requests.popleft())

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._answer += data
        try:
            if not is_complete(self._answer):
                return
        except RuntimeError as error:
            if not self._batch.done.done():
                self._batch.done.set_exception(error)
            return
        self._answer = b""
        self._batch.open_count -= 1
        if not self._batch.open_count:
            self._batch.done.set_result(None)
        self.send_next()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


# --- Socket Mode ---------------------------------------------------------------------------------------------------


@dataclass
class SocketTarget:
    """A bot that is connected by Socket Mode."""

    name: str
    socket: web.WebSocketResponse
    _awaited: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    async def send(self, request: SlackRequest) -> float:
        """See `Target`."""
        began = time.perf_counter()
        acknowledged: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._awaited[request.envelope_id] = acknowledged
        try:
            await self.socket.send_str(request.envelope)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await acknowledged - began
        finally:
            del self._awaited[request.envelope_id]

    async def send_concurrently(self, requests: Sequence[SlackRequest], concurrency: int) -> None:
        """See `Target`."""
        waiting = deque(requests)

        async def send_one_by_one() -> None:
            while waiting:
                await self.send(waiting.popleft())

        async with asyncio.TaskGroup() as tasks:
            for _ in range(concurrency):
                tasks.create_task(send_one_by_one())

    def acknowledge(self, text: str) -> None:
        """Take an acknowledgement."""
        awaited = self._awaited.get(json.loads(text).get("envelope_id", ""))
        if awaited is not None:
            awaited.set_result(time.perf_counter())


class SocketHub:
    """Slack's end of Socket Mode: a bot that connects to `/NAME` becomes the target of that name."""

    def __init__(self) -> None:
        self.url = ""
        self._targets: dict[str, asyncio.Future[SocketTarget]] = {}

    async def wait_for_target(self, name: str) -> SocketTarget:
        """Return the target of that name, once it is connected."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await asyncio.shield(self._target(name))

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[None]:
        """Take connections at `url` until the block ends."""
        app = web.Application()
        app.router.add_get("/{name}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, 0).start()
            self.url = f"ws://{HOST}:{runner.addresses[0][1]}"
            yield

    def _target(self, name: str) -> asyncio.Future[SocketTarget]:
        return self._targets.setdefault(name, asyncio.get_running_loop().create_future())

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        await response.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        target = SocketTarget(request.match_info["name"], response)
        self._target(target.name).set_result(target)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                target.acknowledge(message.data)
        return response
