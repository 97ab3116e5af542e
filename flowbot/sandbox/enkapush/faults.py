"""Faults on order: which requests they hit, and what happens to those.

A fault with `after_effect` lets the request take effect first, so that its sender cannot know. `Fault.write` parts the
effect of a write from its answer.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Self, TypedDict, Unpack

from aiohttp import web

_GRACE_SECONDS = 0.02
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Delay:
    """Carry the request out after some seconds, unless its sender has gone by then."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Reply with this instead."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """Carry the request out and return the first half of the body as if it were the whole."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Cut the connection without a response."""

    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Stay silent until released; then go on, if the sender still waits or it `outlives_sender`."""

    after_effect: bool = False
    outlives_sender: bool = False


Answer = Delay | Reply | Truncate | Reset | Hang


@dataclass(frozen=True, slots=True)
class Write:
    """Carry a write out late, otherwise than it was sent, more than once, or never.

    Attributes:
        after: Seconds from its arrival to its effect, by the stand-in's clock; None: at `Store.land_writes`. It then
            sets what it sent in the flow as it is, and does nothing where that is gone.
        answer: What its sender gets meanwhile; None for the usual answer.
        answered_id: The id in the usual answer, if not that of the flow.
        copies: How many flows a create makes. 0: the write never has an effect.
        stored: What is made of a field's value before it is stored.
        ignored: The fields that are not taken.
    """

    after: float | None = 0
    answer: Answer | None = None
    answered_id: int | None = None
    copies: int = 1
    stored: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    ignored: Collection[str] = ()


AS_SENT = Write()
FaultAction = Answer | Write


class FaultScope(TypedDict, total=False):
    """The requests that a fault hits.

    Attributes:
        method: In capitals, or `*` (the default) for every one.
        path: Shell pattern of the path without `/api`, `*` (the default) for every one. A slash at the end is of no
            account: `/flows` is the list and the creation, `/flows/*` the items, `/media/*` the pictures.
        times: How many requests are hit (default 1); None for all until the faults are cleared.
        skip: How many matching requests pass unharmed before (default 0).
    """

    method: str
    path: str
    times: int | None
    skip: int


@dataclass(slots=True)
class Fault:
    """A rule: what happens to which requests. Its class methods make one and take a `FaultScope`."""

    action: FaultAction
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0

    @classmethod
    def delay(cls, seconds: float, **where: Unpack[FaultScope]) -> Self:
        """Respond late."""
        return cls(Delay(seconds), **where)

    @classmethod
    def status(
        cls,
        status: int,
        body: str = '{"errors": [{"title": "Out of order."}]}',
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        after_effect: bool = False,
        **where: Unpack[FaultScope],
    ) -> Self:
        """Respond with this status, body and headers."""
        return cls(Reply(status, body, content_type, dict(headers or {}), after_effect), **where)

    @classmethod
    def too_many(cls, retry_after: str | int | None = None, **where: Unpack[FaultScope]) -> Self:
        """Respond with 429; `retry_after` is the header's value in seconds or as an HTTP date, None leaves it out."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return cls.status(429, '{"errors": [{"title": "Too many requests."}]}', headers=headers, **where)

    @classmethod
    def html(cls, status: int = 502, **where: Unpack[FaultScope]) -> Self:
        """Respond with an error page made for people."""
        page = f"<!doctype html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        return cls.status(status, page, content_type="text/html", **where)

    @classmethod
    def empty(cls, status: int = 200, *, after_effect: bool = False, **where: Unpack[FaultScope]) -> Self:
        """Respond with no body at all."""
        return cls.status(status, "", after_effect=after_effect, **where)

    @classmethod
    def redirect(cls, location: str, status: int = 302, **where: Unpack[FaultScope]) -> Self:
        """Redirect the sender somewhere else."""
        return cls.status(status, "", headers={"Location": location}, **where)

    @classmethod
    def truncated(cls, **where: Unpack[FaultScope]) -> Self:
        """Take effect and respond with JSON that stops in the middle."""
        return cls(Truncate(), **where)

    @classmethod
    def reset(cls, *, after_effect: bool = False, **where: Unpack[FaultScope]) -> Self:
        """Cut the connection, before or after the request took effect."""
        return cls(Reset(after_effect), **where)

    @classmethod
    def hang(cls, *, after_effect: bool = False, outlives_sender: bool = False, **where: Unpack[FaultScope]) -> Self:
        """Stay silent, before or after the request took effect.

        With `outlives_sender` a request takes effect at its release even though its sender has given up long ago.
        """
        return cls(Hang(after_effect, outlives_sender), **where)

    @classmethod
    def write(
        cls,
        after: float | None = 0,
        *,
        answer: Answer | None = None,
        answered_id: int | None = None,
        copies: int = 1,
        stored: Mapping[str, Callable[[Any], Any]] | None = None,
        ignored: Collection[str] = (),
        **where: Unpack[FaultScope],
    ) -> Self:
        """Carry a write (a POST, unless `method` says otherwise) out in another way; see `Write`."""
        scope: FaultScope = {"method": "POST", **where}
        return cls(Write(after, answer, answered_id, copies, stored or {}, ignored), **scope)

    def matches(self, method: str, path: str) -> bool:
        """Check whether the rule is about this request, however many it has hit so far."""
        wanted = self.path.rstrip("/") or "/"
        return self.method in {"*", method} and fnmatchcase(path.rstrip("/") or "/", wanted)

    def count(self) -> bool:
        """Count a matching request and return whether it is hit."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The rules in force; a request is hit by the first that matches and is not used up."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, *rules: Fault) -> None:
        """Add copies of the rules behind those in force."""
        self._rules.extend(replace(rule) for rule in rules)

    def clear(self) -> None:
        """Remove all rules; requests that hang go on hanging until `EnkapushSandbox.release`."""
        self._rules.clear()

    @property
    def pending(self) -> tuple[Fault, ...]:
        """Return the rules that are not used up."""
        return tuple(rule for rule in self._rules if rule.times != 0)

    def next_action(self, method: str, path: str) -> FaultAction | None:
        """Count this request and return what happens to it, or None if nothing does."""
        for rule in self.pending:
            if rule.matches(method, path):
                return rule.action if rule.count() else None
        return None


class FaultInjector:
    """Applies faults to requests, and holds on to those that wait or hang."""

    def __init__(self) -> None:
        self._released = asyncio.Event()
        self._is_closing = asyncio.Event()

    async def open(self, _app: web.Application) -> None:
        """Begin (again) to serve."""
        self._is_closing.clear()

    async def close(self, _app: web.Application) -> None:
        """Let go of all requests at once: cut off those that wait, without any effect."""
        self._is_closing.set()
        self.release()

    def release(self) -> None:
        """Let the requests that hang at this moment go on; later ones hang again."""
        self._released.set()
        self._released = asyncio.Event()

    async def apply(
        self, action: Answer | None, request: web.Request, carry_out: Callable[[], web.Response]
    ) -> web.Response | None:
        """Carry a request out under a fault; return its response, or None if its connection was cut."""
        match action:
            case Delay(seconds):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_closing.wait(), seconds)
                return self._unless_gone(request, carry_out)
            case Hang(after_effect, outlives_sender):
                carry_out = cache(carry_out)
                if after_effect:
                    carry_out()
                await self._released.wait()
                # A sender that gave up just before the release is to be known as gone.
                await asyncio.sleep(_GRACE_SECONDS)
                return self._unless_gone(request, carry_out, even_so=outlives_sender and not after_effect)
            case Truncate():
                response = carry_out()
                whole = response.body if isinstance(response.body, bytes) else b""
                return web.Response(
                    body=whole[: len(whole) // 2], status=response.status, content_type=response.content_type
                )
            case Reply() | Reset():
                if action.after_effect:
                    carry_out()
                if isinstance(action, Reset):
                    cut(request)
                    return None
                return web.Response(
                    text=action.body, status=action.status, content_type=action.content_type, headers=action.headers
                )
            case None:
                return carry_out()

    def _unless_gone(
        self, request: web.Request, carry_out: Callable[[], web.Response], *, even_so: bool = False
    ) -> web.Response | None:
        transport = request.transport
        is_gone = transport is None or transport.is_closing()
        if self._is_closing.is_set() or (is_gone and not even_so):
            cut(request)
            return None
        return carry_out()


def cut(request: web.Request) -> None:
    """Reset the request's connection, so that its client sees no orderly end."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None and not transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()
