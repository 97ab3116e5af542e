"""Images: their true type by their first bytes, files, and uploads from a form."""

from dataclasses import dataclass
from typing import Final

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""The limit of Slack's forms; Enkapush states none."""


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


@dataclass(frozen=True, slots=True)
class ImageUpload:
    """An image that a person put into a form: Slack's file id, its download URL, and its name."""

    file: str
    url: str
    name: str


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
