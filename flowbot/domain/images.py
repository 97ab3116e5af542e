"""What a picture is, by its bytes: a file's name and the type that it claims prove nothing.

Nothing is decoded. A picture has to begin as its kind does, and to have an end: half a picture is none. Whatever comes
after the end is let pass, since cameras put things there.
"""

from collections.abc import Callable, Mapping
from typing import Final

LARGEST_BYTES: Final = 10 * 1024 * 1024
"""What Slack takes in a form; Enkapush states no limit."""

_PNG_END: Final = b"IEND\xaeB`\x82"
_JPEG_SCAN: Final = b"\xff\xda"
_JPEG_END: Final = b"\xff\xd9"
_GIF_TABLE: Final = 0x80
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = b"!", b",", b";"


def image_type(content: bytes) -> str | None:
    """The content type of a whole PNG, JPEG, GIF or WebP picture; None for anything else."""
    found = next((kind for kind, begins in _BEGINS.items() if begins(content)), None)
    return found if found and _IS_WHOLE[found](content) else None


def _is_whole_png(content: bytes) -> bool:
    return _PNG_END in content


def _is_whole_jpeg(content: bytes) -> bool:
    """Whether an end comes after the beginning of the pixels: a thumbnail in the head has an end of its own."""
    at = 2
    while content[at : at + 1] == b"\xff" and content[at : at + 2] != _JPEG_SCAN:
        is_filled = content[at + 1 : at + 2] == b"\xff"
        at += 1 if is_filled else 2 + int.from_bytes(content[at + 2 : at + 4])
    return content.find(_JPEG_END, at) >= 0


def _is_whole_gif(content: bytes) -> bool:
    at = 13 + _table(content[10:11])
    while (block := content[at : at + 1]) in {_GIF_EXTENSION, _GIF_IMAGE}:
        at += 2 if block == _GIF_EXTENSION else 11 + _table(content[at + 9 : at + 10])
        while size := int.from_bytes(content[at : at + 1]):
            at += 1 + size
        at += 1
    return block == _GIF_END


def _table(flags: bytes) -> int:
    """Bytes of the table of colours that a byte of flags tells of."""
    number = int.from_bytes(flags)
    return 3 << ((number & 7) + 1) if number & _GIF_TABLE else 0


def _is_whole_webp(content: bytes) -> bool:
    return len(content) >= 8 + int.from_bytes(content[4:8], "little")


_BEGINS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "image/png": lambda content: content.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": lambda content: content.startswith(b"\xff\xd8\xff"),
    "image/gif": lambda content: content.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda content: content.startswith(b"RIFF") and content[8:12] == b"WEBP",
}
_IS_WHOLE: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "image/png": _is_whole_png,
    "image/jpeg": _is_whole_jpeg,
    "image/gif": _is_whole_gif,
    "image/webp": _is_whole_webp,
}
