"""Pictures: kept to the byte, and kept for as long as a change needs them."""

from datetime import timedelta

import pytest
from hypothesis import given

from flowbot.domain.changes import Closing, Ending, Image, ImageId, Kind, Progress, State
from flowbot.domain.content import Content, Wanted
from flowbot.domain.flows import Wait
from flowbot.domain.types import WebsiteId
from flowbot.storage.changes import StoredChanges
from flowbot.storage.database import Database
from flowbot.storage.images import StoredImages
from tests.storage.change_cases import ANYTHING, AYSE, IMAGES, NOON, SECOND, moved, submitted

PNG = Image(b"\x89PNG\r\n\x1a\n\x00", "image/png", "kış.png")
LONG_AGO = NOON - timedelta(days=7)


@pytest.fixture
def images(database: Database) -> StoredImages:
    return StoredImages(database)


def wanting(image: ImageId | None) -> Wanted:
    content = Content(WebsiteId(1), name="n", title="t", description="d", wait=Wait(1, "hours"))
    return Wanted(content, image=image)


@ANYTHING
@given(image=IMAGES)
async def test_a_picture_comes_back_to_the_byte_under_any_name(images: StoredImages, image: Image) -> None:
    assert await images.get(await images.put(image, NOON)) == image


async def test_the_same_picture_twice_is_two_pictures(images: StoredImages) -> None:
    assert await images.put(PNG, NOON) != await images.put(PNG, NOON)


async def test_a_large_picture_is_kept_whole(images: StoredImages) -> None:
    large = Image(bytes(range(256)) * 20_000, "image/png", "large.png")
    assert await images.get(await images.put(large, NOON)) == large


async def test_there_is_no_picture_under_an_unknown_id(images: StoredImages) -> None:
    assert await images.get(ImageId("gone")) is None


async def test_purging_forgets_what_is_older_and_counts_it(images: StoredImages) -> None:
    old, young = await images.put(PNG, NOON - SECOND), await images.put(PNG, NOON)
    assert await images.purge(NOON) == 1
    assert await images.get(old) is None
    assert await images.get(young) == PNG


APPLIED = (State.APPLYING, State.APPLIED)
UNKNOWN = (State.APPLYING, State.UNKNOWN)
NEEDED = [
    ("an edit that nobody judged yet", Kind.EDIT, (), True),
    ("an edit that waits for approval", Kind.EDIT, (State.PENDING,), True),
    ("an edit that is being applied", Kind.EDIT, (State.APPLYING,), True),
    ("an edit that was applied", Kind.EDIT, APPLIED, False),
    ("an edit that failed", Kind.EDIT, (State.FAILED,), False),
    ("an edit of which it is not known", Kind.EDIT, UNKNOWN, False),
    ("a delete that waits for approval", Kind.DELETE, (State.PENDING,), True),
    ("a delete that was applied, and can be restored", Kind.DELETE, APPLIED, True),
    ("a delete of which it is not known", Kind.DELETE, UNKNOWN, True),
    ("a delete that was rejected", Kind.DELETE, (State.PENDING, State.REJECTED), False),
]


@pytest.mark.parametrize(("kind", "states", "kept"), [row[1:] for row in NEEDED], ids=[row[0] for row in NEEDED])
async def test_an_old_picture_stays_for_as_long_as_a_change_needs_it(
    images: StoredImages, store: StoredChanges, kind: Kind, states: tuple[State, ...], kept: bool
) -> None:
    image = await images.put(PNG, LONG_AGO)
    await moved(store, await submitted(store, kind=kind, wanted=wanting(image)), *states)
    assert await images.purge(NOON) == (not kept)
    assert await images.get(image) == (PNG if kept else None)


KEPT_ON_THE_WAY = [
    ("a delete that is being applied", (State.APPLYING,), True),
    ("a delete that was applied, and can be restored", APPLIED, True),
    ("a delete of which it is not known", UNKNOWN, True),
    ("a delete that failed", (State.APPLYING, State.FAILED), False),
]


@pytest.mark.parametrize(
    ("states", "kept"), [row[1:] for row in KEPT_ON_THE_WAY], ids=[row[0] for row in KEPT_ON_THE_WAY]
)
async def test_the_picture_of_a_deleted_flow_stays_for_as_long_as_it_can_be_restored(
    images: StoredImages, store: StoredChanges, states: tuple[State, ...], kept: bool
) -> None:
    image = await images.put(PNG, LONG_AGO)
    closing = Closing(AYSE, Ending.BREAK_GLASS, "a reason with a NUL \0 in it")
    await moved(store, await submitted(store, kind=Kind.DELETE), *states, progress=Progress(closing, image))
    assert await images.purge(NOON) == (not kept)
    assert await images.get(image) == (PNG if kept else None)


async def test_a_picture_stays_if_one_of_several_changes_needs_it(images: StoredImages, store: StoredChanges) -> None:
    image = await images.put(PNG, LONG_AGO)
    await moved(store, await submitted(store, "t1", kind=Kind.EDIT, wanted=wanting(image)), State.FAILED)
    await submitted(store, "t2", kind=Kind.EDIT, wanted=wanting(image))
    assert await images.purge(NOON) == 0


async def test_a_change_without_a_picture_holds_none(images: StoredImages, store: StoredChanges) -> None:
    await images.put(PNG, LONG_AGO)
    await submitted(store, kind=Kind.EDIT, wanted=wanting(None))
    await submitted(store, "t2", flow=None)
    assert await images.purge(NOON) == 1
