"""Carries a request out with what a fault does to it: waits, wrong answers, cut connections."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from aiohttp import web

from flowbot.sandbox.enkapush.faults import Answer, Delay, Hang, Happening, Reset, Truncate

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
