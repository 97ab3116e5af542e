"""Images: kept to the byte, and for as long as a change needs them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.flow import DesiredFlow, FlowContent, WaitTime
from flowbot.domain.ids import ImageId, WebsiteId
from flowbot.domain.images import ImageFile, ImageInfo
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import ANYTHING, AYSE, IMAGES, NOON, SECOND, move_through, submit_change

PNG = ImageFile(b"\x89PNG\r\n\x1a\n\x00", "image/png", "kış.png")
LONG_AGO = NOON - timedelta(days=7)


@pytest.fixture
def images(database: Database) -> ImageRepository:
    return ImageRepository(database)


def request_with_image(image: ImageId | None) -> DesiredFlow:
    content = FlowContent(WebsiteId(1), name="n", title="t", description="d", wait=WaitTime(1, "hours"))
    return DesiredFlow(content, image=image)


@ANYTHING
@given(image=IMAGES)
async def test_a_picture_comes_back_to_the_byte_under_any_name(images: ImageRepository, image: ImageFile) -> None:
    assert await images.get(await images.add(image, NOON)) == image


async def test_the_same_picture_twice_is_two_pictures(images: ImageRepository) -> None:
    assert await images.add(PNG, NOON) != await images.add(PNG, NOON)


async def test_a_large_picture_is_kept_whole(images: ImageRepository) -> None:
    large = ImageFile(bytes(range(256)) * 20_000, "image/png", "large.png")
    assert await images.get(await images.add(large, NOON)) == large


async def test_there_is_no_picture_under_an_unknown_id(images: ImageRepository) -> None:
    assert await images.get(ImageId("gone")) is None


async def test_a_picture_is_described_by_its_type_and_size(images: ImageRepository) -> None:
    assert await images.describe(await images.add(PNG, NOON)) == ImageInfo("image/png", len(PNG.content))
    assert await images.describe(ImageId("gone")) is None


async def test_a_picture_that_is_stored_after_the_submission_is_named_by_its_request(
    images: ImageRepository, store: ChangeRepository
) -> None:
    change = await submit_change(store, kind=ChangeKind.EDIT, wanted=request_with_image(None), typed={"name": "n"})
    image = await images.add(PNG, LONG_AGO)
    stored = await store.replace_if_unchanged(change, replace(change, request=change.request.with_image(image)))
    assert stored == await store.get(change.id)
    assert stored.request == replace(
        change.request, wanted=request_with_image(image), typed={"name": "n", "image": image}
    )
    assert await images.delete_unused(NOON) == 0


async def test_purging_forgets_what_is_older_and_counts_it(images: ImageRepository) -> None:
    old, young = await images.add(PNG, NOON - SECOND), await images.add(PNG, NOON)
    assert await images.delete_unused(NOON) == 1
    assert await images.get(old) is None
    assert await images.get(young) == PNG


APPLIED = (ChangeState.APPLYING, ChangeState.APPLIED)
UNKNOWN = (ChangeState.APPLYING, ChangeState.UNKNOWN)
NEEDED = [
    ("an edit that nobody judged yet", ChangeKind.EDIT, (), True),
    ("an edit that waits for approval", ChangeKind.EDIT, (ChangeState.PENDING,), True),
    ("an edit that is being applied", ChangeKind.EDIT, (ChangeState.APPLYING,), True),
    ("an edit that was applied", ChangeKind.EDIT, APPLIED, False),
    ("an edit that failed", ChangeKind.EDIT, (ChangeState.FAILED,), False),
    ("an edit of which it is not known", ChangeKind.EDIT, UNKNOWN, False),
    ("a delete that waits for approval", ChangeKind.DELETE, (ChangeState.PENDING,), True),
    ("a delete that was applied, and can be restored", ChangeKind.DELETE, APPLIED, True),
    ("a delete of which it is not known", ChangeKind.DELETE, UNKNOWN, True),
    ("a delete that was rejected", ChangeKind.DELETE, (ChangeState.PENDING, ChangeState.REJECTED), False),
]


@pytest.mark.parametrize(("kind", "states", "kept"), [row[1:] for row in NEEDED], ids=[row[0] for row in NEEDED])
async def test_an_old_picture_stays_for_as_long_as_a_change_needs_it(
    images: ImageRepository, store: ChangeRepository, kind: ChangeKind, states: tuple[ChangeState, ...], kept: bool
) -> None:
    image = await images.add(PNG, LONG_AGO)
    await move_through(store, await submit_change(store, kind=kind, wanted=request_with_image(image)), *states)
    assert await images.delete_unused(NOON) == (not kept)
    assert await images.get(image) == (PNG if kept else None)


KEPT_ON_THE_WAY = [
    ("a delete that is being applied", (ChangeState.APPLYING,), True),
    ("a delete that was applied, and can be restored", APPLIED, True),
    ("a delete of which it is not known", UNKNOWN, True),
    ("a delete that failed", (ChangeState.APPLYING, ChangeState.FAILED), False),
]


@pytest.mark.parametrize(
    ("states", "kept"), [row[1:] for row in KEPT_ON_THE_WAY], ids=[row[0] for row in KEPT_ON_THE_WAY]
)
async def test_the_picture_of_a_deleted_flow_stays_for_as_long_as_it_can_be_restored(
    images: ImageRepository, store: ChangeRepository, states: tuple[ChangeState, ...], kept: bool
) -> None:
    image = await images.add(PNG, LONG_AGO)
    closing = Closure(AYSE, ClosureKind.BREAK_GLASS, "a reason with a NUL \0 in it")
    await move_through(
        store, await submit_change(store, kind=ChangeKind.DELETE), *states, progress=Progress(closing, image)
    )
    assert await images.delete_unused(NOON) == (not kept)
    assert await images.get(image) == (PNG if kept else None)


async def test_a_picture_stays_if_one_of_several_changes_needs_it(
    images: ImageRepository, store: ChangeRepository
) -> None:
    image = await images.add(PNG, LONG_AGO)
    await move_through(
        store,
        await submit_change(store, "t1", kind=ChangeKind.EDIT, wanted=request_with_image(image)),
        ChangeState.FAILED,
    )
    await submit_change(store, "t2", kind=ChangeKind.EDIT, wanted=request_with_image(image))
    assert await images.delete_unused(NOON) == 0


async def test_a_change_without_a_picture_holds_none(images: ImageRepository, store: ChangeRepository) -> None:
    await images.add(PNG, LONG_AGO)
    await submit_change(store, kind=ChangeKind.EDIT, wanted=request_with_image(None))
    await submit_change(store, "t2", flow=None)
    assert await images.delete_unused(NOON) == 1
