"""Reading an answer's body within bounds, however it is packed.

httpx unpacks as many layers as a server names, each network piece whole, before it hands anything out: 2 KB can become
2 GB before its size can be looked at. So the bytes are taken as they come, and unpacked here piece by piece.
"""

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import httpx

from flowbot.enkapush import _constants as constants

ACCEPTED: Final = "gzip"
"""What may be asked for: a list of many flows is ten times smaller so."""

_PIECE_BYTES: Final = 256 * 1024
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
"""Whichever of the two the bytes begin as (Python's documentation of `zlib.decompressobj`)."""


async def capped(response: httpx.Response) -> tuple[bytes, bool]:
    """Return the body, up to the most that is taken, and whether that was all.

    Args:
        response: one whose body was not read yet.

    Raises:
        httpx.DecodingError: it is packed in a way that was not asked for, or it does not unpack.
        httpx.RequestError: it did not come whole.
    """
    content = bytearray()
    async with aclosing(_pieces(response)) as pieces:
        async for piece in pieces:
            content += piece
            if len(content) > constants.MAX_ANSWER_BYTES:
                return bytes(content[: constants.REDACTION_WINDOW]), False
    return bytes(content), True


async def _pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body's pieces as they are meant."""
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing in {"", "identity"}:
        async for piece in response.aiter_raw():
            yield piece
    elif packing in {"gzip", "x-gzip", "deflate"}:
        async with aclosing(_unpacked(response)) as pieces:
            async for piece in pieces:
                yield piece
    else:
        raise httpx.DecodingError("packed in a way that was not asked for", request=response.request)


async def _unpacked(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    unpacker, is_empty = zlib.decompressobj(_GZIP_OR_ZLIB), True
    try:
        async for packed in response.aiter_raw():
            is_empty = False
            piece = unpacker.decompress(packed, _PIECE_BYTES)
            yield piece
            # A full piece may have left something inside, even where nothing is left to put in.
            while unpacker.unconsumed_tail or len(piece) == _PIECE_BYTES:
                piece = unpacker.decompress(unpacker.unconsumed_tail, _PIECE_BYTES)
                yield piece
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from None
    if not (unpacker.eof or is_empty):
        raise httpx.DecodingError("packed, and cut off", request=response.request)
