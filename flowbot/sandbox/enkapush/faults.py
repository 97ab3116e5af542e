"""Things that go wrong on order: which request is hit, and what happens to it.

A fault with `after_effect` lets the request take effect first, so that its sender cannot know.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Self, TypedDict, Unpack

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Delay:
    """Carry the request out after some seconds, unless its sender has gone by then."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer this instead."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """Carry the request out, and answer the first half of the body as if it were the whole."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Cut the connection without an answer."""

    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Stay silent until released; then go on, if the sender still waits or it `outlives_sender`."""

    after_effect: bool = False
    outlives_sender: bool = False


Happening = Delay | Answer | Truncate | Reset | Hang


class Where(TypedDict, total=False):
    """Which requests a fault hits.

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
    """One rule: what happens to which requests. Made by its class methods, which take `Where`."""

    happening: Happening
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0

    @classmethod
    def delay(cls, seconds: float, **where: Unpack[Where]) -> Self:
        """Answer late."""
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
        **where: Unpack[Where],
    ) -> Self:
        """Answer this status, body and headers."""
        return cls(Answer(status, body, content_type, dict(headers or {}), after_effect), **where)

    @classmethod
    def too_many(cls, retry_after: str | int | None = None, **where: Unpack[Where]) -> Self:
        """Answer 429; `retry_after` is the header's value in seconds or as an HTTP date, None leaves it out."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return cls.status(429, '{"errors": [{"title": "Too many requests."}]}', headers=headers, **where)

    @classmethod
    def html(cls, status: int = 502, **where: Unpack[Where]) -> Self:
        """Answer an error page made for people."""
        page = f"<!doctype html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        return cls.status(status, page, content_type="text/html", **where)

    @classmethod
    def empty(cls, status: int = 200, *, after_effect: bool = False, **where: Unpack[Where]) -> Self:
        """Answer no body at all."""
        return cls.status(status, "", after_effect=after_effect, **where)

    @classmethod
    def redirect(cls, location: str, status: int = 302, **where: Unpack[Where]) -> Self:
        """Send the sender somewhere else."""
        return cls.status(status, "", headers={"Location": location}, **where)

    @classmethod
    def truncated(cls, **where: Unpack[Where]) -> Self:
        """Take effect and answer JSON that stops in the middle."""
        return cls(Truncate(), **where)

    @classmethod
    def reset(cls, *, after_effect: bool = False, **where: Unpack[Where]) -> Self:
        """Cut the connection, before or after the request took effect."""
        return cls(Reset(after_effect), **where)

    @classmethod
    def hang(cls, *, after_effect: bool = False, outlives_sender: bool = False, **where: Unpack[Where]) -> Self:
        """Stay silent, before or after the request took effect.

        With `outlives_sender` a request takes effect at its release even though its sender has given up long ago.
        """
        return cls(Hang(after_effect, outlives_sender), **where)

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is of those that this rule is about, however many it has hit so far."""
        wanted = self.path.rstrip("/") or "/"
        return self.method in {"*", method} and fnmatchcase(path.rstrip("/") or "/", wanted)

    def take(self) -> bool:
        """Count one matching request, and tell whether it is hit."""
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
        """Put rules into force, behind those that already are; what is given is not changed by use."""
        self._rules.extend(replace(rule) for rule in rules)

    def clear(self) -> None:
        """Take all rules out of force; requests that hang go on hanging until `EnkapushSandbox.release`."""
        self._rules.clear()

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The rules that are not used up."""
        return tuple(rule for rule in self._rules if rule.times != 0)

    def happening(self, method: str, path: str) -> Happening | None:
        """Return what happens to this request, counting it, or None where nothing does."""
        for rule in self.pending:
            if rule.matches(method, path):
                return rule.happening if rule.take() else None
        return None


CarryOut = Callable[[], web.Response]

_GRACE_SECONDS = 0.02
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Trouble:
    """What is under way with requests that a fault has hit; knows how to let go of them."""

    def __init__(self) -> None:
        self._released = asyncio.Event()
        self._is_closing = asyncio.Event()

    def open(self) -> None:
        """Begin (again) to serve."""
        self._is_closing.clear()

    def close(self) -> None:
        """Let go of all requests at once: those that wait are cut off without any effect."""
        self._is_closing.set()
        self.release()

    def release(self) -> None:
        """Let the requests that hang at this moment go on; later ones hang again."""
        self._released.set()
        self._released = asyncio.Event()

    async def meet(self, happening: Happening | None, request: web.Request, carry_out: CarryOut) -> web.Response | None:
        """Return what the request is answered; None when its connection was cut."""
        match happening:
            case None:
                return carry_out()
            case Delay(seconds):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_closing.wait(), seconds)
                return self._unless_gone(request, carry_out)
            case Hang(after_effect=True):
                answer = carry_out()
                await self._hang()
                return self._unless_gone(request, lambda: answer)
            case Hang(outlives_sender=outlives):
                await self._hang()
                return self._unless_gone(request, carry_out, even_so=outlives)
            case Truncate() | Answer() | Reset():
                return _spoil(happening, request, carry_out)

    async def _hang(self) -> None:
        await self._released.wait()
        # A sender that gave up just before the release is to be known as gone.
        await asyncio.sleep(_GRACE_SECONDS)

    def _unless_gone(self, request: web.Request, carry_out: CarryOut, *, even_so: bool = False) -> web.Response | None:
        transport = request.transport
        is_gone = transport is None or transport.is_closing()
        if self._is_closing.is_set() or (is_gone and not even_so):
            cut(request)
            return None
        return carry_out()


def _spoil(happening: Truncate | Answer | Reset, request: web.Request, carry_out: CarryOut) -> web.Response | None:
    match happening:
        case Truncate():
            return _halved(carry_out())
        case Answer():
            if happening.after_effect:
                carry_out()
            return _ordered(happening)
        case Reset(after_effect):
            if after_effect:
                carry_out()
            cut(request)
            return None


def _halved(answer: web.Response) -> web.Response:
    whole = answer.body if isinstance(answer.body, bytes) else b""
    half = whole[: len(whole) // 2]
    return web.Response(body=half, status=answer.status, content_type=answer.content_type)


def _ordered(answer: Answer) -> web.Response:
    return web.Response(
        text=answer.body, status=answer.status, content_type=answer.content_type, headers=answer.headers
    )


def cut(request: web.Request) -> None:
    """Reset the request's connection, so that its client sees a reset and not an orderly end."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None and not transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()
