"""Records an open request of every kind, as the version before approvals had stages kept it.

It was run with that version (revision 0016), and only once; see `record.py`:

    PYTHONPATH=. .venv/bin/python -m tests.compatibility.record_before_stages
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import FaultScope
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.services.watch import judge, rounds
from flowbot.storage.migrations import upgrade
from tests.compatibility.moments import FOLDER, record_rows
from tests.compatibility.record import FULL, PICTURE, type_and_wait
from tests.journeys.form_steps import PNG, add_flow, is_form, open_form
from tests.journeys.request_steps import speed_up, wait_for_status, wait_until
from tests.journeys.test_drafts import type_into_form
from tests.journeys.watch_steps import Watch, wait_for_finding, watch_flows
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, RANDOM, World, new_world

FILE: Final = FOLDER.parent / "before_stages" / "open_requests.json"
ABOUT: Final = "An open request of every kind, and what else is open, on a Monday at ten in Istanbul."
SUNDAY: Final = datetime(2026, 12, 6, 9, tzinfo=UTC)
MINUTE: Final = 60
HOUR: Final = 3600
TOMORROW: Final = "2026-12-08 09:00"
TWO: Final = "quorum = 2"
"""The rule that comes into force once some requests are made: they say so, or wait again."""
LIVE: Final = {
    "Edit", "Edit with a picture", "Delete of a live flow", "Disable", "Disable at a time", "Disable at once later",
    "Found", "Found and answered", "Bounds", "Bounds and no answer", "Stopped", "Stopped and lost", "Stopped and done",
    "Edit sent, done", "Edit not known", "Disable sent, lost", "Summary 1",
}  # fmt: skip
WEBSITES: Final = {"Lale Moda": 1, "Northbound Outdoor": 2, "Kitap Durağı": 3, "Frozen": 4, "Stopped": 5, "Many": 6}
WEBSITE_OF: Final = {
    "Shared": 3, "Frozen": 4, "Frozen delete": 4, "Frozen until approved": 4, "By direct message": 2,
    "Needs a skip": 2, "Disable that follows": 2, "Disable at once later": 2, "Disable sent, lost": 2,
    "Stopped": 5, "Stopped and lost": 5, "Stopped and done": 5, "Summary 1": 6, "Summary 2": 6, "Summary 3": 6,
}  # fmt: skip
"""The websites of flows; the others are of the first."""
NAMES: Final = (
    "Rules changed", "Put off", "Reminded", "Reminded, half approved", "Enable", "Edit", "Edit with a picture",
    "Delete with picture", "Delete without picture", "Delete of a live flow", "Disable", "Half approved",
    "Half approved delete", "Scheduled", "At a time", "Until a time", "Disable at a time", "Live until",
    "Disable at once later", "Found", "Found and answered", "Bounds", "Bounds and no answer", "Given up", "Not known",
    "Edit not known", "Delete not known", "Known settings", "Shared", "Frozen", "Frozen delete",
    "Frozen until approved", "By direct message", "Needs a skip", "Skipped, scheduled", "Stopped", "Stopped and lost",
    "Stopped and done", "Delete unsent", "Enable sent, lost", "Enable sent, done", "Delete sent, done",
    "Edit sent, done", "Disable sent, lost", "Disable that follows", "Summary 1", "Summary 2", "Summary 3",
)  # fmt: skip


def policies(*, quorum: str) -> str:
    """Write the policies; `quorum` is the first channel's."""
    names = "\n".join(f'{number} = "{name}"' for name, number in WEBSITES.items())
    return f"""
[websites]
{names}

[[channels]]
id = "{MARKETING}"
websites = [1]
viewers = ["*"]
editors = ["S0EDITORS"]
approvers = ["S0LEADS", "U0DENIZ"]

[channels.approval]
channel = "{APPROVALS}"
required_for = ["enable", "delete", "edit_enabled", "disable"]
break_glass = ["U0DENIZ"]
{quorum}

[channels.breaker]
min_sent = 100
max_close_rate = 0.5

[channels.digest]
at = "mon 09:00"

[[channels]]
id = "{RANDOM}"
websites = [2, 5, 6]
editors = ["S0EDITORS", "U0BURAK"]
approvers = ["U0BURAK"]
approval = {{ break_glass = ["U0DENIZ"], notify = "dm" }}

[[channels]]
id = "{AGENCY}"
websites = [3]
editors = ["S0EDITORS"]
approvers = ["S0LEADS"]
approval = {{ break_glass = ["U0DENIZ"] }}

[[channels]]
id = "{APPROVALS}"
websites = [4]
editors = ["S0EDITORS"]
approvers = ["S0LEADS"]
approval = {{ break_glass = ["U0DENIZ"] }}

[[freezes]]
name = "Bayram"
channels = ["{APPROVALS}"]
from = 2026-12-06
to = 2026-12-08
"""


class Recording:
    """The scene: flows by their names, which tell what is asked for them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, int] = {}

    def add_flows(self) -> None:
        for name in NAMES:
            picture = {"image": PICTURE} if "Delete" in name and "without" not in name else {}
            website = WEBSITE_OF.get(name, 1)
            self.ids[name] = add_flow(self.world, name=name, website_id=website, is_enabled=name in LIVE, **picture)

    async def ask(
        self,
        what: str,
        name: str,
        more: str = "",
        *,
        by: SandboxPerson | None = None,
        channel: str = MARKETING,
        word: str = "",
    ) -> Message:
        """Ask for a change, and return the message that everybody sees of it."""
        where = APPROVALS if channel == MARKETING else channel
        number, person, world = self.ids[name], by or self.world.emma, self.world
        before = {message.ts for message in world.slack.workspace.messages[where]}
        if what == "edit":
            await open_form(person, f"/flows edit {number}", channel)
            await person.submit({"Title": more})
            await person.wait_for_view(lambda view: not is_form(view) and "aving" not in text_of(view))
            await person.close(everything=True)
        else:
            await person.send(channel, f"/flows {what} {number} {more}")
        return await world.deniz.wait_for_message(
            where,
            lambda each: (
                each.ts not in before
                and not each.is_ephemeral
                and each.thread_ts is None
                and f"#{number}" in text_of(each)
                and word in text_of(each)
            ),
        )

    async def approve(self, request: Message, *people: SandboxPerson, word: str) -> Message:
        """Approve a request, and wait for what its message says then."""
        for person in people:
            await person.click(request, "Approve")
            await asyncio.sleep(0.3)
        return await wait_for_status(self.world, request, word)

    # --- in the order of the day -----------------------------------------------------------------------------------

    async def on_sunday(self) -> None:
        """Ask under the first rules, and then change them."""
        world = self.world
        await self.ask("enable", "Rules changed", "The landing page is live.")
        await self.approve(await self.ask("enable", "Put off", f"at {TOMORROW}"), world.burak, word="Scheduled")
        await world.import_policy(policies(quorum=TWO))
        await wait_until(lambda: sum("2 approvals needed" in text_of(each) for each in self.list_posted()) == 1)
        await wait_until(lambda: sum("1/2 approvals" in text_of(each) for each in self.list_posted()) == 1)
        await self.ask("enable", "Reminded")
        half = await self.ask("delete", "Reminded, half approved")
        await self.approve(half, world.burak, word="1/2 approvals")

    def list_posted(self) -> list[Message]:
        return self.world.slack.workspace.messages[APPROVALS]

    async def on_monday(self, watch: Watch) -> None:
        """Record figures, reminders, the digest, and what was changed outside."""
        world, store = self.world, self.world.enkapush.store
        for hours in (17, 4.2):
            for name in ("Found", "Live until", "Stopped"):
                flow = store.flows[self.ids[name]]
                store.update_flow(flow.id, **totals(flow.total_sent_push_notifications + 40))
            world.time.ahead += hours * HOUR
            await watch.make_round()
        await world.emma.wait_for_message(MARKETING, "Weekly digest")
        await wait_until(lambda: sum(bool(each.thread_ts) for each in self.list_posted()) >= 4)
        store.update_flow(self.ids["Found"], title="Theirs")
        store.update_flow(self.ids["Found and answered"], title="Theirs, too")
        await watch.make_round(2)
        await wait_for_finding(world, f"#{self.ids['Found']} ")
        answered = await wait_for_finding(world, f"#{self.ids['Found and answered']} ")
        await world.emma.click(answered, "Revert")
        await world.deniz.wait_for_message(APPROVALS, "Theirs, too → Old title")
        for name in ("Summary 1", "Summary 2", "Summary 3"):
            store.update_flow(self.ids[name], description="Theirs")
        await watch.make_round(2)
        await world.deniz.wait_until(lambda: any("3 flows" in text_of(each) for each in self.list_random()))
        refused = self.ids["Bounds and no answer"]
        world.enkapush.faults.add(Fault.status(500, method="POST", path=f"/flows/{refused}", times=None))
        for name in ("Bounds", "Bounds and no answer"):
            store.update_flow(self.ids[name], **totals(500, displayed=400, closed=390))
        await watch.make_round(2)
        await wait_until(lambda: sum("reaker" in text_of(each) for each in self.list_posted()) == 2)
        world.enkapush.faults.clear()

    def list_random(self) -> list[Message]:
        return self.world.slack.workspace.messages[RANDOM]

    async def fail_to_know(self, what: str, name: str, more: str = "") -> None:
        """Ask for a change, and approve it; what becomes of it is not known."""
        request, number = await self.ask(what, name, more), self.ids[name]
        method = "DELETE" if what == "delete" else "POST"
        self.world.enkapush.faults.add(Fault.write(None, method=method, path=f"/flows/{number}"))
        await self.approve(request, self.world.burak, self.world.deniz, word="not known")

    async def ask_for_all(self) -> None:
        """Ask for a change of every kind."""
        world = self.world
        emma, burak, deniz = world.emma, world.burak, world.deniz
        await self.ask("enable", "Enable", "The landing page is live.")
        await self.ask("edit", "Edit", "New title")
        number = self.ids["Edit with a picture"]
        await open_form(world.ayse, f"/flows düzenle {number}")
        await world.ayse.submit({"Başlık": "Yeni başlık", "Görsel": world.ayse.upload("görsel.png", PNG)})
        await deniz.wait_for_message(APPROVALS, lambda each: f"#{number}" in text_of(each))
        await world.ayse.close(everything=True)
        await self.ask("delete", "Delete with picture")
        world.enkapush.faults.add(Fault.status(404, method="GET", path="/media/*", times=None))
        await self.ask("delete", "Delete of a live flow")
        world.enkapush.faults.clear()
        await self.ask("delete", "Delete without picture")
        await self.ask("disable", "Disable", "Season is over")
        for what, name in (("enable", "Half approved"), ("delete", "Half approved delete")):
            await self.approve(await self.ask(what, name), burak, word="1/2 approvals")
        await self.approve(
            await self.ask("enable", "Scheduled", f"at {TOMORROW} until 2026-12-09 18:00"),
            burak,
            deniz,
            word="Scheduled",
        )
        await self.approve(await self.ask("enable", "At a time", f"at {TOMORROW}"), burak, word="1/2 approvals")
        await self.ask("enable", "Until a time", "until 2026-12-09 18:00")
        await self.approve(
            await self.ask("disable", "Disable at a time", f"at {TOMORROW}"), burak, deniz, word="Scheduled"
        )
        live = await self.ask("enable", "Live until", "until 2026-12-08 18:00")
        await self.approve(live, burak, deniz, word="is live until")
        await deniz.wait_for_message(
            APPROVALS, lambda each: each.thread_ts == live.ts and "will be disabled" in text_of(each)
        )
        await self.ask("disable", "Disable at once later", f"at {TOMORROW}", channel=RANDOM, word="will be disabled")
        skipped = await self.ask("enable", "Skipped, scheduled", f"at {TOMORROW}")
        await deniz.click(skipped, "Skip approval")
        await deniz.wait_for_view(lambda view: view.callback_id == "changes.reason")
        (label,) = deniz.list_fields()
        await deniz.submit({label: "The shop opens at nine."})
        await wait_for_status(world, skipped, "skipped approval")
        # Elsewhere.
        await self.ask("enable", "Shared", channel=AGENCY)
        await self.approve(await self.ask("enable", "Frozen", channel=APPROVALS), burak, word="Scheduled")
        await self.approve(await self.ask("delete", "Frozen delete", channel=APPROVALS), burak, word="Scheduled")
        await self.ask("enable", "Frozen until approved", channel=APPROVALS)
        await self.ask("enable", "By direct message", channel=RANDOM)
        await burak.wait_for_message(world.slack.workspace.open_direct_message(burak.id).id, "By direct message")
        await self.ask("enable", "Needs a skip", channel=RANDOM, by=burak)
        # What was saved at once, and what was typed and left.
        await open_form(emma, f"/flows edit {self.ids['Known settings']}")
        await emma.submit({"Title": "Mine", "UTM source": "new"})
        await emma.wait_for_message(MARKETING, lambda each: "was changed" in text_of(each))
        await emma.close(everything=True)
        await open_form(emma, "/flows create")
        await type_into_form(emma, {"Title": FULL["Title"], "Description": FULL["Description"]})
        await emma.close(everything=True)

    async def be_killed_at_work(self) -> None:
        """Be at work on changes, before it is noted what Enkapush did."""
        world, faults = self.world, self.world.enkapush.faults
        media: FaultScope = {"method": "GET", "path": "/media/*"}
        requests = {
            "Enable sent, lost": await self.ask("enable", "Enable sent, lost"),
            "Enable sent, done": await self.ask("enable", "Enable sent, done"),
            "Delete sent, done": await self.ask("delete", "Delete sent, done"),
            "Edit sent, done": await self.ask("edit", "Edit sent, done", "Edited"),
        }
        faults.add(Fault.status(500, method="GET", path="/media/*", times=None))
        requests["Delete unsent"] = await self.ask("delete", "Delete unsent")
        faults.clear()
        for name, request in requests.items():
            await world.burak.click(request, "Approve")
            await wait_for_status(world, request, "1/2 approvals")
            where: FaultScope = {
                "method": "DELETE" if "Delete" in name else "POST",
                "path": f"/flows/{self.ids[name]}",
            }
            hang = Fault.hang(after_effect="done" in name, **(media if "unsent" in name else where))
            await self.hang(world.deniz.click(request, "Approve"), hang)
        number = self.ids["Disable sent, lost"]
        hang = Fault.hang(method="POST", path=f"/flows/{number}")
        await self.hang(world.emma.send(RANDOM, f"/flows disable {number}"), hang)
        request, number = (
            await self.ask("enable", "Disable that follows", channel=RANDOM),
            self.ids["Disable that follows"],
        )
        hang = Fault.hang(method="POST", path=f"/flows/{number}", after_effect=True)
        await self.hang(world.burak.click(request, "Approve"), hang)
        await world.emma.send(RANDOM, f"/flows disable {number}")
        await world.emma.send(RANDOM, "/flows stop website:Stopped Wrong prices")
        question = await world.emma.wait_for_message(
            RANDOM, lambda each: each.is_ephemeral and "Stop all" in text_of(each)
        )
        await self.hang(
            world.emma.click(question, "Stop all"),
            Fault.hang(method="POST", path=f"/flows/{self.ids['Stopped and lost']}"),
            Fault.hang(method="POST", path=f"/flows/{self.ids['Stopped and done']}", after_effect=True),
        )
        await wait_until(lambda: not world.enkapush.store.flows[self.ids["Stopped"]].is_enabled)
        await open_form(world.ayse, "/flows oluştur")
        world.slack.faults.add("files", hang=True, times=None)
        typed = {"Ad": "Draft", "Başlık": "Yarım", "Açıklama": "Kalan"}
        await world.ayse.submit(typed | {"Görsel": world.ayse.upload("yavaş.png", PNG)})
        await asyncio.sleep(0.5)

    async def hang(self, act: Awaitable[object], *faults: Fault) -> None:
        """Let Enkapush fall silent at what somebody does."""
        self.world.enkapush.faults.add(*faults)
        await act
        await wait_until(lambda: not self.world.enkapush.faults.pending)


def totals(sent: int, *, displayed: int | None = None, closed: int = 0) -> Any:
    """Return what Enkapush counts of a flow."""
    counts = {"sent": sent, "displayed": displayed or sent // 2, "clicked": sent // 20, "closed": closed}
    return {f"total_{name}_push_notifications": count for name, count in counts.items()}


@asynccontextmanager
async def run_for_a_while(world: World) -> AsyncIterator[None]:
    """Let the bots that are started within be gone at the end."""
    async with AsyncExitStack() as stack:
        whole, world.stack = world.stack, stack
        try:
            yield
        finally:
            world.stack = whole


async def play(world: World, url: str, patch: pytest.MonkeyPatch) -> None:
    """Play the scene, and write down what is there at its end."""
    scene = Recording(world)
    world.time.ahead = (SUNDAY - datetime.now(UTC)).total_seconds()
    world.slack.workspace.channels[RANDOM].members.append("U0FLOWBOT")
    scene.add_flows()
    await world.import_policy(policies(quorum=""))
    for module in (judge, rounds):
        patch.setattr(module, "TOLD_SINGLY", 2)
    with pytest.MonkeyPatch.context() as quick:
        speed_up(world, quick)
        async with run_for_a_while(world), watch_flows(world, quick) as watch:
            await scene.on_sunday()
            await scene.on_monday(watch)
            await scene.fail_to_know("enable", "Given up")
            world.time.ahead += 16 * MINUTE
            await asyncio.sleep(1)
            await scene.ask_for_all()
            await scene.fail_to_know("enable", "Not known")
            await scene.fail_to_know("edit", "Edit not known", "Mine")
            await scene.fail_to_know("delete", "Delete not known")
            await type_and_wait(world, world.burak, APPROVALS, "/flows approvals")
            await asyncio.sleep(3)
    world.timeouts = None
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": 0})
    await world.start_http()
    await scene.be_killed_at_work()
    record_rows(world, url, FILE, ABOUT)
    world.enkapush.release()
    world.slack.faults.clear()


async def record() -> None:
    """Record the scene in a database of its own."""
    folder = Path(tempfile.mkdtemp())
    url = f"sqlite:///{folder / 'flowbot.db'}"
    upgrade(url)
    with pytest.MonkeyPatch.context() as patch:
        async with new_world(url) as world:
            await play(world, url, patch)
    shutil.rmtree(folder)
    sys.stdout.write(f"recorded {FILE.name}\n")


if __name__ == "__main__":
    asyncio.run(record())
