"""What counts as a picture: whole ones of four kinds, with whatever comes after them."""

import io
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flowbot.domain.images import image_type


def picture(form: str, mode: str = "RGB", **how: Any) -> bytes:
    """A picture of noise, so that its bytes hold anything."""
    noise = random.Random(1).randbytes(64 * 64 * 3)
    image = Image.frombytes("RGB", (64, 64), noise).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    return buffer.getvalue()


def with_thumbnail() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "described"
    small = picture("JPEG", quality=20)
    whole = picture("JPEG", exif=exif)
    # A segment of its own, as cameras put a small picture into the head of the large one.
    return whole[:2] + b"\xff\xff\xe1" + (len(small) + 2).to_bytes(2) + small + whole[2:]


FRAMES = [Image.frombytes("L", (8, 8), bytes(range(start, start + 64))) for start in (0, 64, 128)]
WHOLE = {
    "png": (picture("PNG"), "image/png"),
    "png in grey": (picture("PNG", "L"), "image/png"),
    "jpeg": (picture("JPEG"), "image/jpeg"),
    "jpeg in scans": (picture("JPEG", progressive=True), "image/jpeg"),
    "jpeg with a thumbnail": (with_thumbnail(), "image/jpeg"),
    "gif": (picture("GIF", "P"), "image/gif"),
    "gif that moves": (picture("GIF", "P", save_all=True, append_images=FRAMES, loop=0), "image/gif"),
    "webp": (picture("WEBP"), "image/webp"),
    "webp without loss": (picture("WEBP", lossless=True), "image/webp"),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("after", [b"", b"\0", b"\r\n", b"\xff\xda after", b"<script>"])
def test_a_whole_picture_is_known_whatever_comes_after_it(name: str, after: bytes) -> None:
    content, kind = WHOLE[name]
    assert image_type(content + after) == kind


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_part_of_a_picture_is_none(name: str, part: float) -> None:
    content, _ = WHOLE[name]
    assert image_type(content[: int(len(content) * part)]) is None
    assert image_type(content[:-4]) is None


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=64))
def test_no_bytes_make_it_fail(name: str, rest: bytes) -> None:
    image_type(rest)
    image_type(WHOLE[name][0][:16] + rest)


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"%PDF-1.7", b"BM" + bytes(50), b"RIFF\x04\0\0\0WAVEfmt "])
def test_anything_else_is_no_picture(content: bytes) -> None:
    assert image_type(content) is None
