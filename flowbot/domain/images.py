"""Images: their true type by their first bytes, files, and uploads from a form."""

from dataclasses import dataclass
from typing import Final

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""What Slack takes in a form; Enkapush states no limit."""


_PNG: Final = b"\x89PNG\r\n\x1a\n"


_JPEG: Final = b"\xff\xd8\xff"


_GIFS: Final = (b"GIF87a", b"GIF89a")


def image_type(content: bytes) -> str | None:
    """The content type of a PNG, JPEG, GIF or WebP picture; None for anything else."""
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(_JPEG):
        return "image/jpeg"
    if content.startswith(_GIFS):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return None


@dataclass(frozen=True, slots=True)
class ImageUpload:
    """A picture that a person put into a form: Slack's file, where it is downloaded, and its name."""

    file: str
    url: str
    name: str


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture that is kept until it is no longer needed: its bytes, its true type, a file name."""

    content: bytes
    content_type: str
    filename: str
