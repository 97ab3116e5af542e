"""Records what this version of flowbot keeps and posts, into `first_version/`. Run by hand, and only once a version:

    PYTHONPATH=. .venv/bin/python -m tests.compatibility.record [SCENE…]

The files are what a later flowbot has to read. Do not record them again to make a test pass: what they hold stands in
real databases and in real channels. A later version gets a folder of its own.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.enkapush.faults import FaultScope
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.storage.migrations import upgrade
from tests.compatibility.moments import keep_versions, record_moment
from tests.journeys.form_steps import PNG, REQUIRED_FIELDS, add_flow, add_segments, is_form, open_form
from tests.journeys.request_steps import (
    add_people,
    approval_policy,
    list_alarms,
    request_change,
    request_change_and_wait,
    speed_up,
    submit_reason,
    wait_for_faults,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.test_drafts import type_into_form
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, new_world

HOUR: Final = 3600
ALL_GATED: Final = 'required_for = ["enable", "delete", "edit_enabled", "disable"]'
DENIZ_MAY_SKIP: Final = 'break_glass = ["U0DENIZ"]'
PICTURE: Final = Image("picture.png", "image/png", PNG)
FULL: Final[dict[str, Any]] = {
    "Name": "Bahar İndirimi 🌷",
    "Title": "Bahar geldi & <hoş> geldi!",
    "Description": "İlk satır\nİkinci satır: ığüşöç",
    "URL": "https://lale.example/bahar?a=1&b=2",
    "Wait": "90",
    "Wait unit": "minutes",
    "Segment": "VIP (0)",
    "Button 1 title": "Göz at",
    "Button 1 URL": "https://lale.example/yeni",
    "Button 2 title": "Sonra",
    "Button 2 URL": "https://lale.example/sonra",
    "Silent": True,
    "Auto-hide": True,
    "Time to live": "3 days",
    "UTM source": "enkapush",
    "UTM medium": "web push",
    "UTM campaign": "bahar=2026&x",
}
"""Every field of the form, away from what it holds at first."""
SETUP: Final[dict[str, Any]] = {
    "Websites": ["Lale Moda"],
    "Viewers": True,
    "Editors: user groups": ["Editors"],
    "Approvers: people": ["U0BURAK"],
    "Self-approval": True,
    "Quorum": "1",
    "Expiry in hours": "48",
    "Approval channel": APPROVALS,
    "Skip approval": ["U0DENIZ"],
}


# --- helpers -------------------------------------------------------------------------------------------------------


def add_named_flow(world: World, name: str, **fields: Any) -> int:
    """Add a flow with a name that tells what becomes of it, and return its id."""
    return add_flow(world, name=name, **fields)


async def request_edit(person: SandboxPerson, flow_id: int, typed: dict[str, Any]) -> Message:
    """Request an edit of an enabled flow, and return the request."""
    await open_form(person, f"/flows edit {flow_id}")
    await person.submit(typed)
    await person.wait_for_view(lambda view: not is_form(view) and "aving" not in text_of(view))
    await person.close()
    return await person.wait_for_message(
        APPROVALS, lambda each: f"#{flow_id}" in text_of(each) and not each.is_ephemeral
    )


async def type_and_wait(world: World, person: SandboxPerson, channel: str, command: str) -> None:
    """Type a command, and wait for its answer."""
    before = len(await person.list_messages(channel))
    await person.send(channel, command)
    await person.wait_until(lambda: len(world.slack.workspace.list_visible_messages(channel, person.id)) > before)


async def fail_request(
    world: World, name: str, *faults: Callable[[str], Fault], what: str = "enable", word: str = "Failed"
) -> None:
    """Approve a request that fails, for what Enkapush does."""
    request = await request_change(world, f"{what} {add_named_flow(world, name, is_enabled=what == 'disable')}")
    number = max(world.enkapush.store.flows)
    world.enkapush.faults.add(*(fault(f"/flows/{number}") for fault in faults))
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, word, timeout=20)
    world.enkapush.faults.clear()


async def submit_create(world: World, typed: dict[str, Any], *faults: Fault) -> None:
    """Submit the form for a new flow, and close the view in its place."""
    await open_form(world.emma, "/flows create")
    world.enkapush.faults.add(*faults)
    await world.emma.submit(REQUIRED_FIELDS | typed)
    await world.emma.wait_for_view(lambda view: is_form(view) or "aving" not in text_of(view), timeout=20)
    world.enkapush.faults.clear()
    await world.emma.close(everything=True)


# --- the scenes ----------------------------------------------------------------------------------------------------


async def waiting(world: World) -> None:
    """Record requests of every kind that wait, and whatever lists them."""
    await world.import_policy(approval_policy(ALL_GATED, DENIZ_MAY_SKIP, "self_approval = true"))
    add_segments(world, 1, "VIP")
    await request_change(
        world, f"enable {add_named_flow(world, 'To be enabled', image=PICTURE)} The landing page is live."
    )
    await request_change(world, f"disable {add_named_flow(world, 'To be disabled', is_enabled=True)} Season is over")
    number = add_named_flow(world, "Silinecek", image=Image("other.png", "image/png", PNG), is_enabled=True)
    await request_change(world, f"sil {number} Kimse geri gelmiyor", by=world.ayse)
    number = add_named_flow(world, "To be edited", is_enabled=True)
    await request_edit(world.emma, number, FULL | {"Image": world.emma.upload("görsel.png", PNG)})
    number = add_named_flow(world, "Yours", is_enabled=True)
    await request_edit(world.emma, number, {"Title": "New title"})
    for person, channel in ((world.emma, MARKETING), (world.burak, APPROVALS), (world.ayse, MARKETING)):
        await type_and_wait(world, person, channel, "/flows approvals")
    for person in (world.emma, world.burak, world.deniz):
        await person.open_home()
        await person.wait_for_home()


async def voted(world: World) -> None:
    """Record requests with one approval of two, and a reminder of each."""
    await world.import_policy(
        approval_policy("quorum = 2", "expires_after_hours = 8", approvers='["S0LEADS", "U0DENIZ"]')
    )
    for what in ("enable", "delete"):
        request = await request_change_and_wait(world) if what == "enable" else await request_change(world, what)
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "1/2 approvals")
    await asyncio.sleep(0.5)
    world.time.ahead += 5 * HOUR
    await wait_until(lambda: sum(bool(each.thread_ts) for each in world.slack.workspace.messages[APPROVALS]) >= 2)
    world.time.ahead += 20


async def settled(world: World) -> None:  # noqa: PLR0915 - one scene, played in its order
    """Record requests that ended in every way but by a fault of Enkapush or lapsed approvals."""
    add_segments(world, 1, "VIP")
    await world.import_policy(approval_policy("expires_after_hours = 8"))
    request = await request_change(world, f"enable {add_named_flow(world, 'Expired')}")
    world.time.ahead += 8 * HOUR
    await wait_for_status(world, request, "Expired")
    await world.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(world, f"enable {add_named_flow(world, 'Rejected')} Because")
    await world.burak.click(request, "Reject")
    await submit_reason(world.burak, "Not now")
    await wait_for_status(world, request, "Rejected")
    request = await request_change(world, f"enable {add_named_flow(world, 'Withdrawn')}")
    await world.emma.click(request, "Withdraw")
    await wait_for_status(world, request, "Withdrawn")
    for name, act in (("Changed since", world.enkapush.store.update_flow), ("Gone", None)):
        request = await request_change(world, f"enable {add_named_flow(world, name)}")
        number = max(world.enkapush.store.flows)
        if act:
            act(number, title="Other", image=PICTURE, wait_time=9)
        else:
            world.enkapush.store.delete_flow(number)
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Out of date")
    request = await request_change(world, f"enable {add_named_flow(world, 'Enabled')} The landing page is live.")
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    await world.emma.send(
        MARKETING, f"/flows disable {add_named_flow(world, 'Disabled at once', is_enabled=True)} Enough"
    )
    await world.emma.wait_for_message(MARKETING, "Disabled at once")
    for name in ("Deleted", "Deleted and restored"):
        image = Image(f"{name}.png", "image/png", PNG)
        request = await request_change(world, f"delete {add_named_flow(world, name, image=image)} Old")
        await world.burak.click(request, "Approve")
        over = await wait_for_status(world, request, "Applied")
    await world.emma.click(over, "Restore")
    await world.deniz.wait_for_message(MARKETING, "Restored from")
    request = await request_change(world, f"enable {add_named_flow(world, 'Broken glass')}")
    await world.deniz.click(request, "Skip approval")
    await submit_reason(world.deniz, "The price is wrong in the shop")
    await wait_for_status(world, request, "Applied")
    await wait_until(lambda: bool(list_alarms(world, request)))
    request = await request_edit(world.emma, add_named_flow(world, "Edit rejected", is_enabled=True), {"Title": "Mine"})
    await world.burak.click(request, "Reject")
    await submit_reason(world.burak, "No")
    await wait_for_status(world, request, "Rejected")
    request = await request_edit(
        world.emma, add_named_flow(world, "Edit overtaken", is_enabled=True), {"Title": "Mine"}
    )
    world.enkapush.store.update_flow(max(world.enkapush.store.flows), description="Theirs")
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Out of date")
    request = await request_edit(world.emma, add_named_flow(world, "Edited", is_enabled=True), FULL)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    await submit_create(world, FULL | {"Name": "Created", "Image": world.emma.upload("a.png", PNG)})
    await open_form(world.emma, f"/flows edit {add_named_flow(world, 'Edited at once')}")
    await world.emma.submit({"Title": "Mine"})
    await wait_for_private_message(world.emma, "was changed", MARKETING)
    await world.emma.close(everything=True)
    for person in (world.emma, world.burak, world.deniz):
        await type_and_wait(world, person, MARKETING, "/flows history")
        await person.open_home()
        await person.wait_for_home()


async def troubled(world: World) -> None:  # noqa: PLR0915 - same
    """Record requests that ended by a fault of Enkapush: failed in every way, and unknown."""
    await world.import_policy(approval_policy(DENIZ_MAY_SKIP))

    def post(make: Callable[..., Fault], *given: Any) -> Callable[[str], Fault]:
        return lambda path: make(*given, method="POST", path=path)

    def get(make: Callable[..., Fault], *given: Any, skip: int = 0) -> Callable[[str], Fault]:
        return lambda path: make(*given, method="GET", path=path, times=None, skip=skip)

    await fail_request(world, "Refused", post(Fault.status, 422, '{"errors": {"title": ["Too <b>long</b>."]}}'))
    await fail_request(world, "Busy", post(Fault.too_many, 1))
    await fail_request(world, "Key", post(Fault.status, 401))
    await fail_request(world, "Gone", post(Fault.status, 404))
    await fail_request(world, "Ignored", post(Fault.status, 200, '{"data": {"id": 1}}'))
    await fail_request(world, "Unread", get(Fault.status, 500))
    await fail_request(world, "Cut off", get(Fault.reset))
    await fail_request(world, "Silent", get(Fault.hang))
    world.enkapush.release()
    await fail_request(world, "Not known", get(Fault.status, 500, skip=1), word="not known")
    await fail_request(world, "Deleted or not", get(Fault.status, 500, skip=1), what="delete", word="not known")
    request = await request_change(world, f"enable {add_named_flow(world, 'Looked at in vain')}")
    number = max(world.enkapush.store.flows)
    world.enkapush.faults.add(Fault.reset(method="POST", path=f"/flows/{number}", times=None))
    await world.burak.click(request, "Approve")
    open_end = await wait_for_status(world, request, "not known", timeout=20)
    world.enkapush.faults.clear()
    world.time.ahead += 901
    await world.burak.click(open_end, "Check again")
    await wait_for_status(world, request, "Failed")
    image = Image("lost.png", "image/png", PNG)
    request = await request_change(world, f"delete {add_named_flow(world, 'Picture lost', image=image)}")
    world.enkapush.faults.add(Fault.status(500, method="GET", path="/media/*", times=None))
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Failed")
    world.enkapush.faults.clear()
    number = add_named_flow(world, "Disabled or not", is_enabled=True)
    world.enkapush.faults.add(Fault.status(500, method="GET", path=f"/flows/{number}", times=None, skip=2))
    await world.emma.send(MARKETING, f"/flows disable {number}")
    await world.emma.wait_for_message(
        MARKETING, lambda each: f"#{number}" in text_of(each) and "not known" in text_of(each)
    )
    world.enkapush.faults.clear()
    await open_form(world.emma, f"/flows edit {add_named_flow(world, 'Edit ignored')}")
    number = max(world.enkapush.store.flows)
    world.enkapush.faults.add(Fault.status(200, '{"data": {"id": 1}}', method="POST", path=f"/flows/{number}"))
    await world.emma.submit({"Title": "Mine"})
    await world.emma.wait_for_view(lambda view: is_form(view) and "said yes" in text_of(view))
    await world.emma.close(everything=True)
    # Forms.
    new: FaultScope = {"method": "POST", "path": "/flows"}
    await submit_create(world, {"Name": "Refused"}, Fault.status(422, '{"errors": {"name": ["No."]}}', **new))
    await submit_create(world, {"Name": "Made or not"}, Fault.reset(**new))
    await submit_create(
        world, {"Name": "Not looked at"}, Fault.status(500, **new), Fault.status(500, skip=1, times=None)
    )
    await submit_create(world, {"Name": "Not read back"}, Fault.status(500, method="GET", path="/flows/*", times=None))
    request = await request_edit(world.emma, add_named_flow(world, "Edited or not", is_enabled=True), {"Title": "Mine"})
    number = max(world.enkapush.store.flows)
    world.enkapush.faults.add(Fault.status(500, method="GET", path=f"/flows/{number}", times=None, skip=1))
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "not known", timeout=20)
    world.enkapush.faults.clear()


async def lapsed(world: World) -> None:
    """Record requests whose approvals, or whose requester's rights, did not hold any more."""
    two = approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]')

    async def half(name: str) -> Message:
        await world.import_policy(two)
        request = await request_change(world, f"enable {add_named_flow(world, name)}")
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "1/2 approvals")
        return request

    request = await half("Not an approver any more")
    world.slack.workspace.groups["S0LEADS"].users.remove("U0BURAK")
    world.time.ahead += 4
    await world.deniz.click(request, "Approve")
    await wait_for_status(world, request, "Failed")
    world.slack.workspace.groups["S0LEADS"].users.append("U0BURAK")
    world.time.ahead += 70
    request = await half("Not looked up")
    await type_and_wait(world, world.deniz, MARKETING, "/flows help")
    world.slack.faults.add("users.info", error="missing_scope", times=None)
    world.time.ahead += 4
    await world.deniz.click(request, "Approve")
    await wait_for_status(world, request, "Failed")
    world.slack.faults.clear()
    world.time.ahead += 70
    request = await half("Too late")
    await type_and_wait(world, world.deniz, MARKETING, "/flows help")
    world.slack.faults.add("users.info", error="internal_error", times=None)
    world.time.ahead += 4
    await world.deniz.click(request, "Approve")
    await asyncio.sleep(0.5)
    world.time.ahead += 73 * HOUR
    await wait_for_status(world, request, "expired before it could be applied", timeout=10)
    world.slack.faults.clear()
    world.time.ahead += 70
    request = await half("Somebody left")
    person = world.slack.workspace.people.pop("U0BURAK")
    world.time.ahead += 4
    await world.deniz.click(request, "Approve")
    await wait_for_status(world, request, "Failed")
    world.slack.workspace.people["U0BURAK"] = person
    await world.import_policy(approval_policy())
    world.time.ahead += 70
    await request_change(world, f"enable {add_named_flow(world, 'Waits for somebody')}")
    await world.import_policy(approval_policy(approvers="[]"))
    number = add_named_flow(world, "Nobody approves")
    await type_and_wait(world, world.emma, MARKETING, f"/flows enable {number}")
    await asyncio.sleep(0.5)
    await world.import_policy(approval_policy())


async def forms(world: World) -> None:
    """Record open forms with what was typed into them, and drafts of others."""
    await world.import_policy(approval_policy('break_glass = ["U0NEW4"]'))
    add_segments(world, 1, "VIP")
    add_segments(world, 2, "Hikers")
    copying, editing, again, leaving, admin = add_people(world, 5, "S0EDITORS")
    world.slack.workspace.people[admin.id].is_admin = True
    world.slack.workspace.channels[RANDOM].members += ["U0FLOWBOT", admin.id]
    await open_form(world.deniz, "/flows setup", RANDOM)
    await world.deniz.submit(SETUP)
    await world.deniz.wait_for_message(RANDOM, "policy")
    await world.deniz.close()
    # Typed and left, as a draft; and brought back into a form.
    for person, command in ((leaving, "create"), (again, f"edit {add_named_flow(world, 'Draft of an edit')}")):
        await open_form(person, f"/flows {command}")
        await type_into_form(person, {"Title": "Half a titl", "Description": "İlk\nikinci 🌷", "Wait unit": "hours"})
        await person.close()
    await open_form(leaving, f"/flows duplicate {add_named_flow(world, 'Draft of a duplicate')}")
    await type_into_form(leaving, {"Name": "A copy", "Segment": "VIP (0)"})
    await leaving.close()
    await open_form(again, f"/flows edit {max(world.enkapush.store.flows) - 1}")
    # Refused, and open again with the picture that was kept.
    await open_form(world.ayse, "/flows oluştur")
    world.enkapush.faults.add(Fault.status(422, '{"errors": {"name": ["No."]}}', method="POST", path="/flows"))
    typed = {"Ad": "Bahar", "Başlık": "Bahar geldi", "Açıklama": "Yeni", "Sessiz": True}
    await world.ayse.submit(typed | {"Görsel": world.ayse.upload("görsel.png", PNG)})
    await world.ayse.wait_for_view(lambda view: is_form(view) and "No." in text_of(view))
    # Filled and not sent yet.
    await open_form(world.emma, "/flows create")
    await type_into_form(world.emma, FULL)
    world.emma.fill("Image", world.emma.upload("a.png", PNG))
    form = await open_form(editing, f"/flows edit {add_named_flow(world, 'Edited', is_enabled=True)}")
    await type_into_form(editing, {"Title": "Forgotten"})
    await editing.close()
    form = await open_form(editing, f"/flows edit {max(world.enkapush.store.flows)}")
    await editing.click(form, "Start over")
    await editing.wait_for_view(lambda view: '"turn":1' in view.private_metadata)
    await asyncio.sleep(0.3)
    await type_into_form(editing, {"Title": "New title", "Website": "Northbound Outdoor"})
    await editing.wait_for_view(lambda view: "website_2" in str(view.blocks))
    await type_into_form(editing, {"Segment": "Hikers (0)", "UTM source": "new"})
    await open_form(copying, f"/flows duplicate {add_named_flow(world, 'Copied')}")
    await type_into_form(copying, {"Name": "Copy"})
    for what, person, label in (("enable", world.burak, "Reject"), ("delete", leaving, "Skip approval")):
        await person.click(await request_change(world, what), label)
        view = await person.wait_for_view(is_form)
        person.fill(person.list_fields()[0], "Because I say so")
        assert view.callback_id == "changes.reason"
    await asyncio.sleep(0.5)
    for person, channel in ((admin, RANDOM), (world.deniz, MARKETING)):
        await person.send(channel, "/flows setup")
        await person.wait_for_view(is_form)
        person.fill("Approvers: people", ["U0EMMA"])
        person.fill("Viewers: user groups", ["Leads"])


async def reading(world: World) -> None:
    """Record lists and flows that people look at."""
    await world.import_policy(approval_policy(ALL_GATED))
    world.add_flows(23, word="Kış İndirimi")
    world.add_flows(2, website=2, word="Kış İndirimi, yurt dışı")
    world.enkapush.store.update_flow(23, is_enabled=True, image=PICTURE)
    commands = ("", "list page:2", 'list "kış ind" disabled website:1 page:2', "show 1", "show 23", "history")
    for command in commands:
        await type_and_wait(world, world.emma, MARKETING, f"/flows {command}")
    await type_and_wait(world, world.burak, MARKETING, "/flows liste")
    await open_form(world.emma, "/flows create")
    await world.emma.submit(REQUIRED_FIELDS)
    await wait_for_private_message(world.emma, "was created", MARKETING)
    await world.emma.close()
    await open_form(world.emma, "/flows create")
    world.slack.faults.add("chat.postEphemeral", error="user_not_in_channel", times=None)
    await world.emma.submit(REQUIRED_FIELDS)
    await world.emma.wait_for_message(world.slack.workspace.open_direct_message(world.emma.id).id, "was created")
    world.slack.faults.clear()
    await world.emma.close()


async def interrupted(world: World) -> None:
    """Record changes that a process worked on when it was killed, before it noted what Enkapush did."""
    await world.import_policy(approval_policy(DENIZ_MAY_SKIP))
    editors = add_people(world, 6, "S0EDITORS")
    deleted = add_named_flow(world, "Restored", image=PICTURE)
    request = await request_change(world, f"delete {deleted}")
    await world.burak.click(request, "Approve")
    restored = await wait_for_status(world, request, "Applied")
    hangs: dict[str, dict[str, Any]] = {
        "unsent": {"method": "GET"},
        "lost": {"method": "POST"},
        "done": {"method": "POST", "after_effect": True},
    }
    for how, where in hangs.items():
        for what in ("enable", "delete", "disable"):
            number = add_named_flow(world, f"{what} {how}", is_enabled=what == "disable")
            if what == "disable":
                # Read once before it is asked for, then held up.
                skip = 1 if how == "unsent" else 0
                world.enkapush.faults.add(Fault.hang(path=f"/flows/{number}", skip=skip, **where))
                await world.emma.send(MARKETING, f"/flows disable {number}")
                continue
            request = await request_change(world, f"{what} {number}")
            written = {"method": "DELETE"} if what == "delete" and how != "unsent" else {}
            world.enkapush.faults.add(Fault.hang(path=f"/flows/{number}", **where | written))
            glass = (what, how) == ("enable", "unsent")
            await (world.deniz if glass else world.burak).click(request, "Skip approval" if glass else "Approve")
            if glass:
                await submit_reason(world.deniz, "Now")
        editor = editors.pop()
        number = add_named_flow(world, f"edit {how}")
        await open_form(editor, f"/flows edit {number}")
        world.enkapush.faults.add(Fault.hang(path=f"/flows/{number}", **where))
        await editor.submit({"Title": f"Edited, {how}", "UTM source": "new"})
    world.enkapush.faults.add(Fault.hang(method="POST", path="/flows", after_effect=True))
    editor = editors.pop()
    await open_form(editor, "/flows create")
    await editor.submit(REQUIRED_FIELDS | {"Name": "create done"})
    await wait_until(lambda: any(each.name == "create done" for each in world.enkapush.store.flows.values()))
    editor = editors.pop()
    await open_form(editor, "/flows create")
    world.enkapush.faults.add(Fault.hang(method="POST", path="/flows"))
    await editor.submit(REQUIRED_FIELDS | {"Name": "create lost"})
    await wait_for_faults(world)
    world.enkapush.faults.add(Fault.hang(method="GET", path="/flows"))
    await world.emma.click(restored, "Restore")
    await wait_for_faults(world)
    editor = editors.pop()
    await open_form(editor, "/flows create")
    world.slack.faults.add("files", hang=True, times=None)
    await editor.submit(REQUIRED_FIELDS | {"Name": "create unsent", "Image": editor.upload("slow.png", PNG)})
    await asyncio.sleep(1.5)
    editor = world.emma
    await open_form(editor, "/flows create")
    world.slack.faults.add("users.info", hang=True, times=None)
    await editor.submit(REQUIRED_FIELDS | {"Name": "create draft"})


SCENES: Final[dict[str, Callable[[World], Awaitable[None]]]] = {
    scene.__name__: scene for scene in (waiting, voted, settled, troubled, lapsed, forms, reading, interrupted)
}


async def record(name: str, scene: Callable[[World], Awaitable[None]]) -> None:
    """Play a scene, and write down what is there at its end."""
    folder = Path(tempfile.mkdtemp())
    url = f"sqlite:///{folder / 'flowbot.db'}"
    upgrade(url)
    keep_versions(url)
    with pytest.MonkeyPatch.context() as patch:
        async with new_world(url) as world:
            if scene is not interrupted:
                speed_up(world, patch)
            await world.start_http()
            await scene(world)
            await asyncio.sleep(1)
            record_moment(world, url, name, scene.__doc__ or "")
            world.enkapush.release()
    shutil.rmtree(folder)
    sys.stdout.write(f"recorded {name}\n")


if __name__ == "__main__":
    for each in sys.argv[1:] or SCENES:
        asyncio.run(record(each, SCENES[each]))
