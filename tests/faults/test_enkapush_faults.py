"""Enkapush fails in every way that it can, at every step at which flowbot asks something of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeState
from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.enkapush.faults import FaultScope
from flowbot.sandbox.slack import Message, text_of
from tests.faults.fault_checks import (
    Scene,
    check_recovery,
    eventually,
    is_closed,
    only_change,
    type_and_read,
    wait_until_closed,
)
from tests.journeys.form_steps import PNG, REQUIRED_FIELDS, add_flow, open_form
from tests.journeys.request_steps import request_change, wait_for_status

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE: Final = "<!doctype html><title>Maintenance</title>"
DONE, NOT_DONE, UNKNOWN = ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN


@dataclass(frozen=True)
class Trouble:
    """One way to fail, and how a change ends whose one write it hits.

    Attributes:
        fault: Makes it, for the requests that are named.
        create: Where nothing that was made is to be found it is not sent again, so that it cannot be known.
        change: What has the same effect twice is looked for, and sent once more where it is not there. Any success will
            do for an answer: a page is believed until the flow is read.
    """

    fault: Callable[[FaultScope], Fault]
    create: ChangeState
    change: ChangeState


def http_date() -> str:
    """Return a moment half a minute away, as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)


REFUSED: Final = (NOT_DONE, NOT_DONE)
LOST: Final = (UNKNOWN, DONE)
FOUND: Final = (DONE, DONE)
BEFORE: Final[Mapping[str, Trouble]] = {
    "late": Trouble(lambda where: Fault.delay(0.05, **where), *FOUND),
    "429": Trouble(lambda where: Fault.too_many(**where), *REFUSED),
    "429 for seconds": Trouble(lambda where: Fault.too_many(30, **where), *REFUSED),
    "429 until a date": Trouble(lambda where: Fault.too_many(http_date(), **where), *REFUSED),
    "401": Trouble(lambda where: Fault.status(401, **where), *REFUSED),
    "403": Trouble(lambda where: Fault.status(403, **where), *REFUSED),
    "503": Trouble(lambda where: Fault.status(503, **where), *LOST),
    "a page": Trouble(lambda where: Fault.html(200, **where), UNKNOWN, UNKNOWN),
    "an empty body": Trouble(lambda where: Fault.empty(**where), UNKNOWN, UNKNOWN),
    "a reset": Trouble(lambda where: Fault.reset(**where), *LOST),
    "a hang": Trouble(lambda where: Fault.hang(**where), *LOST),
    "a redirect": Trouble(lambda where: Fault.redirect("/api/flows/", **where), *LOST),
}
AFTER: Final[Mapping[str, Trouble]] = {
    "503 after": Trouble(lambda where: Fault.status(503, after_effect=True, **where), *FOUND),
    "a page after": Trouble(
        lambda where: Fault.status(200, PAGE, content_type="text/html", after_effect=True, **where), *FOUND
    ),
    "an empty body after": Trouble(lambda where: Fault.empty(after_effect=True, **where), *FOUND),
    "half a body": Trouble(lambda where: Fault.truncated(**where), *FOUND),
    "a reset after": Trouble(lambda where: Fault.reset(after_effect=True, **where), *FOUND),
    "a hang after": Trouble(lambda where: Fault.hang(after_effect=True, **where), *FOUND),
}
WRITES: Final = {**BEFORE, **AFTER}
READS: Final = {**BEFORE, "half a body": AFTER["half a body"]}
WITH_ANSWER: Final = frozenset({"late"})
"""What is no trouble at all, once one has waited."""


def check_only_state(scene_changes: Mapping[Any, Any], state: ChangeState) -> None:
    """Check that the scene's one change ended in this state."""
    (change,) = scene_changes.values()
    assert change.state is state, change.outcome


@pytest.mark.parametrize("case", READS)
async def test_a_list_and_a_flow_are_answered_with_a_sentence_and_then_again_with_what_is_there(
    scene: Scene, case: str
) -> None:
    emma, flow = scene.world.emma, add_flow(scene.world, name=f"Read in {case}")
    scene.world.time.ahead += 3600
    scene.world.enkapush.faults.add(READS[case].fault({"path": "/flows*", "times": None}))
    await type_and_read(scene, emma, "/flows list")
    await type_and_read(scene, emma, f"/flows show {flow}")
    await check_recovery(scene, emma)
    assert f"Read in {case}" in await type_and_read(scene, emma, f"/flows show {flow}")


@pytest.mark.parametrize("case", WRITES)
async def test_a_new_flow_is_made_once_or_not_at_all(scene: Scene, case: str) -> None:
    emma, trouble = scene.world.emma, WRITES[case]
    await open_form(emma, "/flows create")
    scene.world.enkapush.faults.add(trouble.fault({"method": "POST", "path": "/flows"}))
    await emma.submit(REQUIRED_FIELDS | {"Name": f"Made in {case}"})
    await wait_until_closed(scene)
    check_only_state(await check_recovery(scene, emma), trouble.create)
    if trouble.create is NOT_DONE:
        assert emma.read_field("Name") == f"Made in {case}"
    await emma.close()


@pytest.mark.parametrize("case", WRITES)
async def test_an_approved_enable_is_done_once_or_not_at_all(scene: Scene, case: str) -> None:
    request, trouble = await request_change(scene.world), WRITES[case]
    flow = (await only_change(scene)).request.flow
    scene.world.enkapush.faults.add(trouble.fault({"method": "POST", "path": f"/flows/{flow}"}))
    await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)
    check_only_state(await check_recovery(scene, scene.world.emma), trouble.change)


@pytest.mark.parametrize("case", READS)
async def test_an_enable_that_cannot_be_read_back_is_not_known_until_it_can(scene: Scene, case: str) -> None:
    request = await request_change(scene.world)
    flow = (await only_change(scene)).request.flow
    where: FaultScope = {"method": "GET", "path": f"/flows/{flow}", "skip": 1, "times": None}
    scene.world.enkapush.faults.add(READS[case].fault(where))
    await scene.world.burak.click(request, "Approve")
    word = "Applied" if case in WITH_ANSWER else "not known"
    shown = await wait_for_status(scene.world, request, word)
    ended = await check_recovery(scene, scene.world.emma)
    if case in WITH_ANSWER:
        check_only_state(ended, DONE)
        return
    check_only_state(ended, UNKNOWN)
    await scene.world.emma.click(shown, "Check again")
    await wait_for_status(scene.world, request, "Applied")
    check_only_state(await check_recovery(scene), DONE)


@pytest.mark.parametrize("case", WRITES)
async def test_an_approved_deletion_is_done_once_or_not_at_all_and_keeps_the_picture(scene: Scene, case: str) -> None:
    request, flow = await request_delete(scene, case)
    scene.world.enkapush.faults.add(WRITES[case].fault({"method": "DELETE", "path": f"/flows/{flow}"}))
    await scene.world.burak.click(request, "Approve")
    await wait_until_closed(scene)
    check_only_state(await check_recovery(scene, scene.world.emma), WRITES[case].change)
    if WRITES[case].change is DONE:
        await scene.begin()
        await scene.world.emma.click(await wait_for_status(scene.world, request, "Applied"), "Restore")
        await eventually(lambda: is_closed(scene), "the flow is restored")
        (made,) = [record.changed[0] for record in scene.writes]
        image = scene.world.enkapush.store.flow(made).image
        assert image is not None
        assert image.content == PNG


@pytest.mark.parametrize("case", [case for case in BEFORE if case not in WITH_ANSWER])
async def test_a_flow_whose_picture_cannot_be_kept_is_deleted_and_both_are_said(scene: Scene, case: str) -> None:
    picture: FaultScope = {"path": f"/media/{case}.png", "times": None}
    # A picture may move, but not for ever.
    in_circles = Fault.redirect(f"/media/{case}.png", **picture)
    scene.world.enkapush.faults.add(in_circles if case == "a redirect" else BEFORE[case].fault(picture))
    request, flow = await request_delete(scene, case)
    assert "Restore brings the flow back without it." in text_of(request)
    await scene.world.burak.click(request, "Approve")
    shown = await wait_for_status(scene.world, request, "Applied")
    assert "Its picture couldn't be saved" in text_of(shown)
    check_only_state(await check_recovery(scene, scene.world.emma), DONE)
    assert flow not in scene.world.enkapush.store.flows


async def request_delete(scene: Scene, case: str) -> tuple[Message, int]:
    """Request to delete a flow with a picture; return the request and the flow."""
    flow = add_flow(scene.world, image=Image(f"{case}.png", "image/png", PNG))
    return await request_change(scene.world, f"delete {flow} Over"), flow
