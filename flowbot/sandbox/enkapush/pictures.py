"""Tells pictures by their first bytes, as a careful server does."""

from collections.abc import Mapping
from types import MappingProxyType

EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
)
"""The content types that are accepted, with the extension they are served under."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIFS = (b"GIF87a", b"GIF89a")
_RIFF, _WEBP = b"RIFF", b"WEBP"


def content_type_of(content: bytes) -> str | None:
    """Return the content type that the bytes speak for, or None where they are no known picture."""
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(_JPEG):
        return "image/jpeg"
    if content.startswith(_GIFS):
        return "image/gif"
    if content.startswith(_RIFF) and content[8:12] == _WEBP:
        return "image/webp"
    return None
