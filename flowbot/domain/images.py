"""Images: their true type, whether they are whole, plain file names, and uploads from a form."""

import re
import struct
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.errors import UserError

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""The limit of Slack's forms; Enkapush states none."""
MAX_PIXELS: Final = 50_000_000
"""More than a phone's camera takes. Whoever shows an image needs up to four bytes for each pixel."""
MAX_PIXELS_PER_BYTE: Final = 10_000
"""Beyond what a plain area in two colours comes to."""
NAME_MAX: Final = 100
_EXTENSIONS: Final = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}
_UNPLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")
_JPEG_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARK: Final = 0xFF
_JPEG_SCAN: Final = 0xDA
_GIF_IMAGE: Final = 0x2C
_GIF_EXTENSION: Final = 0x21
_GIF_TRAILER: Final = 0x3B

Size = tuple[int, int]
"""Width and height in pixels."""


def image_type(content: bytes) -> str | None:
    """Return the content type of a PNG, JPEG, GIF or WebP image by its first bytes; None for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def check_image(content: bytes) -> str:
    """Return an image's content type. It is looked through by the lengths in it, and not drawn.

    Raises:
        UserError: it is of no such type, not whole, or would take too much room when it is shown.
    """
    kind = image_type(content)
    if kind is None:
        raise UserError("form.problem_image_type")
    try:
        width, height = _READERS[kind](content)
    except (IndexError, ValueError, struct.error) as error:
        raise UserError("form.problem_image_broken") from error
    if width * height == 0:
        raise UserError("form.problem_image_broken")
    if width * height > min(MAX_PIXELS, MAX_PIXELS_PER_BYTE * len(content)):
        raise UserError("form.problem_image_pixels", width=str(width), height=str(height))
    return kind


def plain_filename(name: str, content_type: str) -> str:
    """Return a file name in ASCII, with the type's extension in the place of its own."""
    stem = name.rpartition(".")[0] or name
    ascii_stem = unicodedata.normalize("NFKD", stem.replace("ı", "i")).encode("ascii", "ignore").decode()
    return (_UNPLAIN.sub("-", ascii_stem).strip("-")[:NAME_MAX] or "image") + _EXTENSIONS.get(content_type, "")


def _read_png(content: bytes) -> Size:
    """Walk the chunks to IEND: a length, a type, data, and a checksum."""
    if content[12:16] != b"IHDR":
        raise ValueError("no header")
    place, has_data = 8, False
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        (checksum,) = struct.unpack_from(">I", content, place + 8 + length)
        if zlib.crc32(memoryview(content)[place + 4 : place + 8 + length]) != checksum:
            raise ValueError("a wrong checksum")
        has_data = has_data or kind == b"IDAT"
        if kind == b"IEND":
            break
        place += 12 + length
    if not has_data:
        raise ValueError("no data")
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _read_jpeg(content: bytes) -> Size:
    """Walk the segments to the first scan, and look for the end behind it."""
    place, size = 2, (0, 0)
    while True:
        while content[place + 1] == _JPEG_MARK:
            place += 1
        mark, marker, length = struct.unpack_from(">BBH", content, place)
        if mark != _JPEG_MARK:
            raise ValueError("no segment")
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            size = width, height
        place += 2 + length
        if marker == _JPEG_SCAN:
            break
    if content.find(b"\xff\xd9", place) < 0:
        raise ValueError("no end")
    return size


def _read_gif(content: bytes) -> Size:
    """Walk the blocks to the trailer."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    place, has_image = 13 + _gif_colours(flags), False
    while (block := content[place]) != _GIF_TRAILER:
        if block == _GIF_IMAGE:
            frame = struct.unpack_from("<HH", content, place + 5)
            width, height, has_image = max(width, frame[0]), max(height, frame[1]), True
            place += 11 + _gif_colours(content[place + 9])
        elif block == _GIF_EXTENSION:
            place += 2
        else:
            raise ValueError("no block")
        while length := content[place]:
            place += 1 + length
        place += 1
    if not has_image:
        raise ValueError("no image")
    return width, height


def _gif_colours(flags: int) -> int:
    """Return the size of a table of colours in bytes."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_webp(content: bytes) -> Size:
    """Walk the chunks of the length that the file gives itself."""
    (length,) = struct.unpack_from("<I", content, 4)
    place, end, size, has_image = 12, 8 + length, (0, 0), False
    if end > len(content):
        raise ValueError("not whole")
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, place)
        if place + 8 + length > end:
            raise ValueError("not whole")
        has_image = has_image or kind in {b"VP8 ", b"VP8L", b"ANMF"}
        if kind in _WEBP_SIZES and size == (0, 0):
            size = _WEBP_SIZES[kind](content[place + 8 : place + 18])
        place += 8 + length + length % 2
    if not has_image:
        raise ValueError("no image")
    return size


def _lossy_size(head: bytes) -> Size:
    width, height = struct.unpack_from("<HH", head, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless_size(head: bytes) -> Size:
    (bits,) = struct.unpack_from("<I", head, 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _extended_size(head: bytes) -> Size:
    return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1


_WEBP_SIZES: Final[Mapping[bytes, Callable[[bytes], Size]]] = {
    b"VP8 ": _lossy_size,
    b"VP8L": _lossless_size,
    b"VP8X": _extended_size,
}
_READERS: Final[Mapping[str, Callable[[bytes], Size]]] = {
    "image/png": _read_png,
    "image/jpeg": _read_jpeg,
    "image/gif": _read_gif,
    "image/webp": _read_webp,
}


@dataclass(frozen=True, slots=True)
class ImageUpload:
    """An image that a person put into a form: Slack's file id, its download URL, its name, and its size in bytes.

    The size is 0 where Slack did not tell it.
    """

    file: str
    url: str
    name: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image's type, and its size in bytes: the true ones of a stored image, what Slack says of an uploaded one."""

    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image's bytes, true type and file name."""

    content: bytes
    content_type: str
    filename: str
