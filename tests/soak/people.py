"""People who do all sorts of things at once, and what each of them saw."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.sandbox.slack.client_actions import ClientError
from tests.crashes.bot_processes import Deployment
from tests.journeys.form_steps import choose_first_website, is_form
from tests.journeys.world import APPROVALS, MARKETING

PATIENCE: Final = 20.0
PAUSE: Final = (0.5, 3.0)
"""Seconds between two things that somebody does, at least and at most."""


@dataclass(frozen=True)
class Submission:
    """A form that Slack showed as sent.

    Attributes:
        mark: What stands in it, and in nothing else.
        subject: What a message about it says: the new flow's name, or the flow's number.
    """

    person: str
    mark: str
    subject: str
    at: float


@dataclass
class Diary:
    """What people did and saw.

    Attributes:
        views: When each text, and what was typed, stood in a form or in Home, by person.
    """

    deployment: Deployment
    submissions: list[Submission] = field(default_factory=list)
    views: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _numbers: "count[int]" = field(default_factory=count)

    def new_mark(self) -> str:
        """Return a text that stands nowhere else."""
        return f"Soak-{next(self._numbers):05d}-x"

    async def watch(self) -> None:
        """Note what stands in people's forms, until it is cancelled."""
        workspace = self.deployment.slack.workspace
        while True:
            await self.deployment.slack.feed.wait_for_change()
            for person, views in workspace.modals.items():
                for view in views[-1:]:
                    seen, said = self.views[person], f"{text_of(view)}\n{view.values}"
                    if not seen or seen[-1][1] != said:
                        seen.append((time.time(), said))

    def list_private_texts(self, person: str, since: float) -> list[str]:
        """List what only this person was shown, since a moment: messages and forms."""
        workspace = self.deployment.slack.workspace
        channels = [channel for channel in workspace.channels.values() if person in channel.members]
        messages = [
            message
            for channel in channels
            for message in workspace.list_visible_messages(channel.id, person)
            if (message.is_ephemeral or channel.is_im) and float(message.ts.partition(".")[0]) >= since - 1
        ]
        return [*map(text_of, messages), *(said for at, said in self.views[person] if at >= since)]


@dataclass
class Colleague:
    """A person who goes on doing one thing after another."""

    person: SandboxPerson
    diary: Diary
    random: Random
    decides: bool

    async def work(self) -> None:
        """Do one thing after another, until it is cancelled. What flowbot does not answer is left."""
        looking = [self.look, self.open_home]
        asking = [self.request, self.request_by_form, self.create, self.edit, self.edit, self.withdraw]
        deciding = [self.approve, self.approve, self.approve, self.approve_at_home, self.reject]
        acts: list[Callable[[], Awaitable[None]]] = [*looking, *(deciding if self.decides else asking)]
        while True:
            act = self.random.choice(acts)
            with suppress(ClientError, LookupError, AssertionError):
                if self.person.view is not None:
                    await self.person.close(everything=True)
                await act()
                self.diary.done[act.__name__] += 1
            await asyncio.sleep(self.random.uniform(*PAUSE))

    def _pick_flow(self) -> int:
        return self.random.choice(sorted(self.diary.deployment.enkapush.store.flows))

    async def look(self) -> None:
        command = self.random.choice(
            ("list", "list enabled", "list Soak", "history", "approvals", "show {}", "history {}")
        )
        await self.person.send(MARKETING, f"/flows {command.format(self._pick_flow())}")

    async def open_home(self) -> None:
        await self.person.open_home()

    async def request(self) -> None:
        kind = self.random.choice(("enable", "enable", "disable", "delete"))
        await self.person.send(MARKETING, f"/flows {kind} {self._pick_flow()} {self.diary.new_mark()}")

    async def request_by_form(self) -> None:
        flow, mark = self._pick_flow(), self.diary.new_mark()
        await self.person.send(MARKETING, f"/flows show {flow}")
        kind = self.random.choice(("Enable", "Disable", "Delete"))
        shown = await self.person.wait_for_message(
            MARKETING, lambda each: f"#{flow} " in text_of(each) and kind in self.person.list_buttons(each), PATIENCE
        )
        await self.person.click(shown, kind)
        await self.person.wait_for_view(lambda view: view.callback_id == "flows.change", PATIENCE)
        await self._submit({"Reason": mark}, mark, f"#{flow}")

    async def create(self) -> None:
        mark = self.diary.new_mark()
        form = await self._open_form("create", "New flow")
        choose_first_website(self.person, form)
        await self._submit({"Name": mark, "Title": "Hello", "Description": "Come and see", "Wait": "2"}, mark, mark)

    async def edit(self) -> None:
        flow, mark = self._pick_flow(), self.diary.new_mark()
        await self._open_form(f"edit {flow}", f"#{flow}:")
        why = {"Reason": "Because"} if "Reason" in self.person.list_fields() else {}
        await self._submit({"Title": mark} | why, mark, f"#{flow}")

    async def _open_form(self, command: str, words: str) -> View:
        """Open a form: the one with these words, not another that Slack was late with."""
        await self.person.send(MARKETING, f"/flows {command}")
        return await self.person.wait_for_view(lambda view: is_form(view) and words in text_of(view), PATIENCE)

    async def _submit(self, values: dict[str, str], mark: str, subject: str) -> None:
        """Send the open form, note it if that was acknowledged, and wait a while for what becomes of it."""
        at, before = time.time(), len(self.diary.views[self.person.id])
        result = await self.person.submit(values)
        if result.delivered and not result.errors and result.error is None:
            self.diary.submissions.append(Submission(self.person.id, mark, subject, at))
            await self.person.wait_until(
                lambda: len(self.diary.views[self.person.id]) > before + 1, self.random.uniform(0, 8)
            )

    def _find_requests(self, label: str) -> list[Message]:
        posted = self.diary.deployment.slack.workspace.messages[APPROVALS][-60:]
        return [
            message for message in posted if not message.is_ephemeral and label in self.person.list_buttons(message)
        ]

    async def _press(self, label: str) -> None:
        await self.person.click(self.random.choice(self._find_requests(label) or [_NOTHING]), label)

    async def withdraw(self) -> None:
        await self._press("Withdraw")

    async def approve(self) -> None:
        await self._press("Approve")

    async def reject(self) -> None:
        await self._press("Reject")
        await self.person.wait_for_view(lambda view: view.callback_id == "changes.reason" and is_form(view), PATIENCE)
        await self.person.submit(dict.fromkeys(self.person.list_fields(), "Not now"))

    async def approve_at_home(self) -> None:
        await self.person.open_home()
        home = await self.person.wait_for_home("Approve", PATIENCE)
        await self.person.click(home, "Approve")


_NOTHING: Final = Message("0.0", APPROVALS, "", "")
"""A message that is not there: whoever presses it finds nothing."""
