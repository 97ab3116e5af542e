"""A delete whose picture cannot be kept says so before it is approved, goes on, and Restore says what is missing."""

from typing import Any, Final

import pytest

from flowbot.enkapush import images
from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.slack import Message, text_of
from flowbot.services.executor import writer
from tests.journeys.form_steps import PNG, add_flow, list_writes
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    request_change,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

PICTURE: Final = Image("picture.png", "image/png", PNG)
SVG: Final = Image("picture.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>')
MEDIA: Final[dict[str, Any]] = {"path": "/media/*", "times": None}
LOST: Final = "The picture can't be saved. Restore brings the flow back without it."
LATE: Final = "The picture can't be loaded right now. If that stays so, Restore brings the flow back without it."
DELETED: Final = "Its picture couldn't be saved, so Restore brings it back without one."
MISSING: Final = "Its picture is missing. Upload it again."

NO_PICTURE: Final = {
    "gone": (PICTURE, Fault.status(404, **MEDIA)),
    "forbidden": (PICTURE, Fault.status(403, **MEDIA)),
    "another kind": (SVG, None),
    "too big": (Image("picture.png", "image/png", PNG + bytes(5000)), None),
    "a private address": (PICTURE, Fault.redirect("http://169.254.169.254/latest/meta-data", **MEDIA)),
}
NOT_NOW: Final = {"slow": Fault.hang(**MEDIA), "down": Fault.status(500, **MEDIA), "cut off": Fault.reset(**MEDIA)}


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "IMAGE_SECONDS", 0.5)
    monkeypatch.setattr(images, "WHOLE_SECONDS", 1.0)
    monkeypatch.setattr(images, "MAX_IMAGE_BYTES", 4000)


async def _request_delete(world: World, image: Image, fault: Fault | None) -> Message:
    await world.import_policy(approval_policy())
    add_flow(world, image=image)
    if fault is not None:
        world.enkapush.faults.add(fault)
    return await request_change(world, "delete 1 Season is over")


async def _check_lost_for_good(world: World, request: Message) -> None:
    """Approve the delete, and check that its outcome and that of `Restore` say that the picture is lost."""
    await world.burak.click(request, "Approve")
    over = await wait_for_status(world, request, "Applied")
    assert "#1 was deleted." in text_of(over)
    assert DELETED in text_of(over)
    assert world.enkapush.store.flows == {}
    world.enkapush.faults.clear()
    assert MISSING in await click_and_read(world, world.emma, over, "Restore", request.channel)
    public = await world.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    assert MISSING in text_of(public)
    assert world.enkapush.store.flow(2).image is None


@pytest.mark.parametrize("case", NO_PICTURE)
async def test_a_picture_that_cannot_be_had_is_said_before_the_approval(http: World, case: str) -> None:
    request = await _request_delete(http, *NO_PICTURE[case])
    assert LOST in text_of(request)
    assert list_writes(http) == []
    asked = sum(record.path.startswith("/media/") for record in http.enkapush.requests)
    await _check_lost_for_good(http, request)
    assert sum(record.path.startswith("/media/") for record in http.enkapush.requests) == asked


@pytest.mark.parametrize("case", NOT_NOW)
async def test_a_picture_that_stays_away_stops_no_delete(http: World, case: str) -> None:
    request = await _request_delete(http, PICTURE, NOT_NOW[case])
    assert LATE in text_of(request)
    await _check_lost_for_good(http, request)


@in_both_modes
async def test_a_picture_that_is_back_at_the_delete_is_kept(running: World) -> None:
    request = await _request_delete(running, PICTURE, NOT_NOW["slow"])
    assert LATE in text_of(request)
    running.enkapush.faults.clear()
    await running.burak.click(request, "Approve")
    over = await wait_for_status(running, request, "Applied")
    assert "icture" not in text_of(over)
    await running.emma.click(over, "Restore")
    public = await running.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    assert MISSING not in text_of(public)
    restored = running.enkapush.store.flow(2).image
    assert restored is not None
    assert restored.content == PNG


async def test_a_picture_that_is_lost_after_the_request_was_kept_before(http: World) -> None:
    request = await _request_delete(http, PICTURE, None)
    assert "can't be" not in text_of(request)
    http.enkapush.faults.add(Fault.status(404, **MEDIA))
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    assert DELETED not in text_of(over)
    await http.emma.click(over, "Restore")
    await http.deniz.wait_for_message(MARKETING, "Restored from #1 as #2, disabled.")
    assert http.enkapush.store.flow(2).image is not None


async def test_a_flow_without_a_picture_says_nothing_of_one(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, "delete")
    assert "icture" not in text_of(request)
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    assert "icture" not in text_of(over)
    assert MISSING not in await click_and_read(http, http.emma, over, "Restore")


async def test_a_lost_picture_is_told_in_turkish(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, image=SVG)
    request = await request_change(http, "sil 1", by=http.ayse)
    assert "Görsel saklanamıyor. Geri yüklenen akış görselsiz gelir." in text_of(request)
    await http.burak.click(request, "Onayla")
    over = await wait_for_status(http, request, "silindi")
    assert "Görseli saklanamadı; geri yüklenirse görselsiz gelir." in text_of(over)
    await http.ayse.click(over, "Geri yükle")
    await wait_for_private_message(http.ayse, "Görseli eksik. Yeniden yükleyin.")
    public = await http.deniz.wait_for_message(MARKETING, "geri yüklendi")
    assert "Görseli eksik. Yeniden yükleyin." in text_of(public)


async def test_a_late_picture_is_told_in_turkish(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, image=PICTURE)
    http.enkapush.faults.add(NOT_NOW["down"])
    request = await request_change(http, "sil 1", by=http.ayse, where=APPROVALS)
    assert "Görsel şu anda alınamıyor. Böyle kalırsa geri yüklenen akış görselsiz gelir." in text_of(request)
