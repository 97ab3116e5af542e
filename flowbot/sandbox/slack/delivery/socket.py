"""Delivery by Socket Mode: the server's side of the WebSocket protocol.

Source: docs.slack.dev, "Using Socket Mode": single-use URLs from `apps.connections.open`, a `hello`,
envelopes that are acknowledged by id, at most 10 connections, a `disconnect` message before a refresh.
"""

import asyncio
import itertools
import json
import secrets
import time
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope
from flowbot.sandbox.slack.event_feed import EventFeed
from flowbot.sandbox.slack.models import Json

_MAX_CONNECTIONS = 10
_PING_SECONDS = 5.0


class Connection:
    """One WebSocket of the bot; a silent one stays open but neither sends nor answers."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self._request = request
        self.silent = False

    async def send(self, message: Json) -> None:
        """Send a JSON message, unless silent."""
        if not self.silent:
            await self.socket.send_str(json.dumps(message))

    async def ping_forever(self) -> None:
        """Ping the bot every few seconds, as Slack does."""
        for number in itertools.count():
            await asyncio.sleep(_PING_SECONDS)
            if not self.silent:
                await self.socket.ping(f"Ping from sandbox {number}".encode())

    def abort(self) -> None:
        """Abort the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()


class SocketModeServer:
    """All Socket Mode connections of the app."""

    def __init__(self, app_id: str, feed: EventFeed, ack_seconds: float) -> None:
        self._app_id = app_id
        self._feed = feed
        self._ack_seconds = ack_seconds
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._turn = itertools.count()
        self._pending_acks: dict[str, asyncio.Future[Any]] = {}

    @property
    def connection_count(self) -> int:
        """Number of open connections."""
        return len(self._connections)

    def issue_path(self) -> str:
        """Return the path and query of a single-use WebSocket URL."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return f"/link/?ticket={ticket}&app_id={self._app_id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket connection until it ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await self._serve(Connection(socket, request))
        return socket

    async def _serve(self, connection: Connection) -> None:
        if self.connection_count >= _MAX_CONNECTIONS:
            await connection.send({"type": "disconnect", "reason": "too_many_websockets"})
            await connection.socket.close()
            return
        self._connections.append(connection)
        self._publish_online()
        pings = asyncio.create_task(connection.ping_forever())
        try:
            await connection.send(
                {
                    "type": "hello",
                    "num_connections": self.connection_count,
                    "debug_info": {
                        "host": "applink-sandbox-1",
                        "build_number": 1,
                        "approximate_connection_time": 18060,
                    },
                    "connection_info": {"app_id": self._app_id},
                }
            )
            async for message in connection.socket:
                await self._receive(connection, message)
        finally:
            self._connections.remove(connection)
            self._publish_online()
            pings.cancel()
            await asyncio.gather(pings, return_exceptions=True)

    def _publish_online(self) -> None:
        self._feed.publish(None, {"type": "bot", "online": self.connection_count > 0})

    async def _receive(self, connection: Connection, message: WSMessage) -> None:
        """Answer a ping, or hand an acknowledgement to the delivery that waits for it."""
        if connection.silent:
            return
        if message.type is WSMsgType.PING:
            await connection.socket.pong(message.data)
        if message.type is not WSMsgType.TEXT:
            return
        try:
            ack = json.loads(message.data)
        except ValueError:
            return
        pending = self._pending_acks.get(ack.get("envelope_id", "")) if isinstance(ack, dict) else None
        if pending is not None and not pending.done():
            pending.set_result(ack.get("payload"))

    async def send(self, envelope: Envelope, retry: Json | None = None) -> Delivery:
        """Deliver through one of the connections and wait for the acknowledgement."""
        delivery = Delivery(envelope.kind, envelope.label, envelope.payload, "socket")
        if not self._connections:
            delivery.error = "app_offline"
            return delivery
        started = time.perf_counter()
        connection = self._connections[next(self._turn) % len(self._connections)]
        envelope_id = secrets.token_hex(16)
        ack: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending_acks[envelope_id] = ack
        try:
            async with asyncio.timeout(self._ack_seconds):
                await connection.send(envelope.socket_message(envelope_id, retry))
                payload = await ack
        except TimeoutError:
            delivery.error = "operation_timeout"
        except (ConnectionError, RuntimeError):
            delivery.error = "dispatch_failed"
        else:
            delivery.status = 200
            if payload not in (None, {}):
                delivery.body = payload if isinstance(payload, str) else json.dumps(payload)
        finally:
            del self._pending_acks[envelope_id]
        delivery.seconds = time.perf_counter() - started
        return delivery

    async def send_disconnect(self, reason: str = "warning") -> None:
        """Announce to every connection that it closes soon (`warning`) or now (`refresh_requested`)."""
        for connection in list(self._connections):
            await connection.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox-1"}})

    async def refresh(self) -> None:
        """Ask for a refresh and close all connections in good order."""
        await self.send_disconnect("refresh_requested")
        await self.close()

    def drop_all(self) -> None:
        """Abort all connections."""
        for connection in list(self._connections):
            connection.abort()

    def go_silent(self) -> None:
        """Leave the present connections open but silent; new ones work."""
        for connection in self._connections:
            connection.silent = True

    async def close(self) -> None:
        """Close all connections in good order."""
        for connection in list(self._connections):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)
