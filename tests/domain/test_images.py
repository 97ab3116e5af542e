"""Images are looked through before they are sent: their type, whether they are whole, and how large they are shown."""

import io
import struct
import zlib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flowbot.domain.images import check_image, image_type, plain_filename
from flowbot.errors import UserError

SIZE: Final = (60, 40)
ENCODED: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "png": ("PNG", {}),
    "animated png": ("PNG", {"save_all": True}),
    "jpeg": ("JPEG", {}),
    "progressive jpeg": ("JPEG", {"progressive": True}),
    "jpeg with a comment": ("JPEG", {"comment": b"\xff\xd9 said"}),
    "gif": ("GIF", {}),
    "animated gif": ("GIF", {"save_all": True}),
    "lossy webp": ("WEBP", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "animated webp": ("WEBP", {"save_all": True}),
}


def encode(name: str) -> bytes:
    kind, options = ENCODED[name]
    picture, out = Image.effect_noise(SIZE, 50).convert("RGB"), io.BytesIO()
    more = [picture.rotate(9)] if options.get("save_all") else []
    picture.save(out, kind, append_images=more, **options)
    return out.getvalue()


def find_problem(content: bytes) -> str | None:
    try:
        check_image(content)
    except UserError as error:
        return error.text.key
    return None


@pytest.mark.parametrize("name", ENCODED)
def test_a_whole_picture_is_taken_and_one_cut_off_anywhere_is_not(name: str) -> None:
    content = encode(name)
    assert check_image(content) == image_type(content)
    assert find_problem(content + b"what a camera adds") is None
    problems = {find_problem(content[:length]) for length in range(12, len(content))}
    assert problems == {"form.problem_image_broken"}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"x") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


GIF_OF_A_LARGE_FRAME: Final = (
    b"GIF89a\1\0\1\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\2\1\0\0" + b";"
)
WRONG: Final = {
    "nothing": (b"", "form.problem_image_type"),
    "a web page": (b"<!doctype html><title>Sign in</title>", "form.problem_image_type"),
    "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "form.problem_image_type"),
    "a bomb": (png(65535, 66601), "form.problem_image_pixels"),
    "a bomb as large as a file may be": (png(65535, 66601, bytes(1_000_000)), "form.problem_image_pixels"),
    "more pixels than so few bytes hold": (png(7000, 7000), "form.problem_image_pixels"),
    "a frame larger than its screen": (GIF_OF_A_LARGE_FRAME, "form.problem_image_pixels"),
    "no width": (png(0, 10), "form.problem_image_broken"),
    "no pixels": (png(1, 1).replace(chunk(b"IDAT", b"x"), b""), "form.problem_image_broken"),
    "a wrong checksum": (png(1, 1).replace(b"IDATx", b"IDATy"), "form.problem_image_broken"),
    "a jpeg without a size": (b"\xff\xd8\xff\xda\0\2\0\xff\xd9", "form.problem_image_broken"),
    "a gif of no picture": (b"GIF89a\1\0\1\0\0\0\0;", "form.problem_image_broken"),
    "a webp of nothing": (b"RIFF\4\0\0\0WEBP", "form.problem_image_broken"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_shown_is_refused_with_the_reason(case: str) -> None:
    content, problem = WRONG[case]
    assert find_problem(content) == problem


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8X"]),
    st.binary(max_size=99),
)
def test_any_bytes_are_a_picture_or_are_refused(start: bytes, rest: bytes) -> None:
    assert find_problem(start + rest) in {None, "form.problem_image_broken", "form.problem_image_pixels"}


@pytest.mark.parametrize(
    ("name", "kind", "plain"),
    [
        ("kış indirimi.PNG", "image/png", "kis-indirimi.png"),
        ("photo.png", "image/jpeg", "photo.jpg"),
        ("../../etc/passwd", "image/gif", "image.gif"),
        ('a"; filename="b.exe', "image/webp", "a-filename-b.webp"),
        ("a\u202egnp.exe", "image/png", "agnp.png"),
        ("写真.webp", "image/webp", "image.webp"),
        (".png", "image/png", "png.png"),
        ("", "image/png", "image.png"),
        ("x" * 300 + ".gif", "image/gif", "x" * 100 + ".gif"),
    ],
)
def test_a_file_name_is_plain_and_fits_its_type(name: str, kind: str, plain: str) -> None:
    assert plain_filename(name, kind) == plain
