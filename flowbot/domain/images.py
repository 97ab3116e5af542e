"""What a picture is, by its first bytes: a file's name and the type that it claims prove nothing."""

from typing import Final

LARGEST_BYTES: Final = 10 * 1024 * 1024
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
