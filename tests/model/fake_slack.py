"""A workspace that takes messages, refuses them, or loses its answers, and knows who was told what."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from slack_sdk.errors import SlackApiError

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId, ReportId, UserId
from flowbot.errors import SlackFaultError
from flowbot.services.ports.messages import MessageKey, MessageRole
from flowbot.slack.notify.outcome_notices import ENDED
from tests.model.fake_directory import MEMBERS
from tests.model.process_faults import ProcessFaults

ALARM: Final = "🚨"
REMINDER: Final = "reminder"
REFUSAL: Final = "refusal"
REMARK: Final = "remark"
NOTIFIED: Final[ContextVar[tuple[Change, bool] | None]] = ContextVar("notified", default=None)
"""The change that a process notifies people of now, and whether it reminds of it."""

REPORTED: Final[ContextVar[ReportId | None]] = ContextVar("reported", default=None)
"""The report that a process shows now."""

CLAIMED: Final[ContextVar[MessageKey | None]] = ContextVar("claimed", default=None)
"""The message that the current task has claimed, and is about to send."""
CALLS: Final = frozenset({MessageRole.STAGE.value, MessageRole.ESCALATION.value, REMARK})
"""Roles of messages that nothing in them tells from one another."""


class SlackFault(StrEnum):
    """What goes wrong with a message."""

    RATE_LIMITED = "ratelimited"
    LOST = "lost"
    ANSWER_LOST = "answer_lost"


@dataclass(eq=False)
class Window:
    """The time in which a process sends a message: from its claim until its place is recorded.

    Attributes:
        interruptions: Those of the process when it began.
        is_broken: Whether the process was interrupted meanwhile, or Slack's answer was lost.
        is_over: Whether its place is recorded, or nothing was sent.
    """

    key: MessageKey
    life: ProcessFaults
    interruptions: int
    is_broken: bool = False
    is_over: bool = False

    def end(self) -> None:
        """End it: its place is recorded, or nothing was sent."""
        self.is_broken = self.was_interrupted
        self.is_over = True

    @property
    def was_interrupted(self) -> bool:
        """Check whether other processes could not know meanwhile what became of the message."""
        return self.is_broken or (not self.is_over and self.life.interruptions > self.interruptions)


@dataclass(eq=False)
class Post:
    """A message in Slack, as it is now.

    Attributes:
        window: When it was sent; None where that was not claimed before.
        mentions: Whom it mentioned as it was sent, which notified them.
        reader: Who alone sees it; None for a channel.
    """

    key: MessageKey
    channel: ChannelId
    thread: str | None
    ts: str
    body: dict[str, Any]
    window: Window | None
    mentions: tuple[str, ...]
    reader: UserId | None = None
    is_deleted: bool = False

    def is_seen_by(self, user: UserId) -> bool:
        """Check whether it is in a place that the person can see."""
        return self.reader == user or (self.reader is None and user in MEMBERS[self.channel])


@dataclass
class FakeSlack:
    """The messages of the workspace, and what it takes none of.

    Attributes:
        is_away: Whether it answers nothing.
        faults: Those of the next messages.
        without_bot: Channels in which the bot is not.
        closed: People who take no direct messages.
        refused: Messages to a person that were refused for good: nobody need try them again.
        shown: The version of a form's change shown last, by change.
    """

    is_away: bool = False
    faults: deque[SlackFault | None] = field(default_factory=deque)
    without_bot: set[ChannelId] = field(default_factory=set)
    closed: set[UserId] = field(default_factory=set)
    posts: list[Post] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    refused: set[tuple[MessageKey, str]] = field(default_factory=set)
    shown: dict[ChangeId, int] = field(default_factory=dict)

    def recover(self) -> None:
        """Take every message from now on."""
        self.is_away = False
        self.faults.clear()
        self.without_bot.clear()
        self.closed.clear()

    def show_form(self, change: Change) -> None:
        """Show an author what became of their form."""
        if self.is_away:
            raise SlackFaultError(SlackFault.RATE_LIMITED)
        self.shown[change.id] = max(change.version, self.shown.get(change.id, 0))

    def find(self, channel: ChannelId, ts: str) -> Post | None:
        """Return the message at that place, also one that somebody has deleted since."""
        return next((post for post in self.posts if (post.channel, post.ts) == (channel, ts)), None)

    def begin(self, key: MessageKey, life: ProcessFaults) -> None:
        """Note that a process is about to claim a message."""
        self.windows.append(Window(key, life, life.interruptions))

    def find_open_window(self, key: MessageKey, life: ProcessFaults) -> Window | None:
        """Return the window in which the process sends that message; None where it did not claim it."""
        own = (each for each in reversed(self.windows) if each.key == key and each.life is life)
        last = next(own, None)
        return None if last is None or last.is_over else last

    def end(self, key: MessageKey, life: ProcessFaults) -> None:
        """Note that a process has recorded where that message is, or that it was not sent."""
        window = self.find_open_window(key, life)
        if window is not None:
            window.end()


class SlackClient:
    """The Web API as one process calls it."""

    def __init__(self, slack: FakeSlack, life: ProcessFaults) -> None:
        self._slack = slack
        self._life = life

    async def api_call(self, method: str, *, json: dict[str, Any]) -> dict[str, Any]:
        """Post, edit or show a message."""
        await self._life.wait_while_frozen()
        self._count()
        slack = self._slack
        fault = slack.faults.popleft() if slack.faults else None
        if slack.is_away or fault is SlackFault.RATE_LIMITED:
            raise _refusal(SlackFault.RATE_LIMITED)
        key = self._find_key(json)
        window = slack.find_open_window(key, self._life)
        if fault is SlackFault.LOST:
            self._break(window, method)
            raise TimeoutError
        answer = self._edit(json) if method == "chat.update" else self._post(method, key, window, json)
        if fault is SlackFault.ANSWER_LOST:
            self._break(window, method)
            raise TimeoutError
        self._count()
        return answer

    async def auth_test(self) -> dict[str, str]:
        """Return the workspace's address."""
        return {"url": "https://slack.example/"}

    def _find_key(self, body: dict[str, Any]) -> MessageKey:
        """Find out which message is sent: of those that it may be, the one that was claimed last."""
        own = [each.key for each in reversed(self._slack.windows) if each.life is self._life]
        if (report := REPORTED.get()) is not None:
            first = MessageKey(report, MessageRole.REPORT, ChannelId(body["channel"]))
            return next((key for key in own if (key.subject, key.recipient) == (report, first.recipient)), first)
        if (claimed := CLAIMED.get()) is not None and is_call(claimed):
            is_direct = body["channel"] not in MEMBERS or "user" in body
            assert is_direct == (claimed.recipient is not None), f"sent elsewhere: {claimed}, {body}"
            return claimed
        keys = _list_keys(body)
        return next((key for key in own if key in keys), keys[0])

    def _count(self) -> None:
        self._life.count_send()
        self._life.count_call()

    @staticmethod
    def _break(window: Window | None, method: str) -> None:
        if window is not None and method != "chat.update":
            window.is_broken = True

    def _edit(self, body: dict[str, Any]) -> dict[str, Any]:
        post = self._slack.find(body["channel"], body["ts"])
        self._refuse_without_bot(body["channel"])
        if post is None or post.is_deleted:
            raise _refusal("message_not_found")
        post.body = body
        return {}

    def _refuse_without_bot(self, channel: str) -> None:
        if channel in self._slack.without_bot:
            raise _refusal("not_in_channel")

    def _post(self, method: str, key: MessageKey, window: Window | None, body: dict[str, Any]) -> dict[str, Any]:
        channel, reader = body["channel"], body.get("user")
        self._refuse_without_bot_noting(key, channel, reader)
        if channel in self._slack.closed:
            self._slack.refused.add((key, "direct"))
            raise _refusal("cannot_dm_bot")
        if channel not in MEMBERS:
            # A person, or the place of an earlier message to them.
            reader, channel = f"U{channel[1:]}", f"D{channel[1:]}"
        ts = f"{len(self._slack.posts) + 1}.0"
        mentions = tuple(_find_mentions(body["blocks"]))
        post = Post(
            key, ChannelId(channel), body.get("thread_ts"), ts, body, window, mentions, reader and UserId(reader)
        )
        self._slack.posts.append(post)
        return {"channel": channel} if method == "chat.postEphemeral" else {"channel": channel, "ts": ts}

    def _refuse_without_bot_noting(self, key: MessageKey, channel: str, reader: str | None) -> None:
        if channel in self._slack.without_bot and (reader is not None or is_of_report(key)):
            self._slack.refused.add((key, "private"))
        self._refuse_without_bot(channel)


def _refusal(code: str) -> SlackApiError:
    return SlackApiError("refused", {"error": code})  # type: ignore[no-untyped-call]


def _list_keys(body: dict[str, Any]) -> tuple[MessageKey, ...]:
    """Tell from what is sent, and where, which message it is; of a planned end, which it may be."""
    notified = NOTIFIED.get()
    if notified is None:
        raise AssertionError(f"sent without a change: {body}")
    change, is_reminder = notified
    channel, requester = body["channel"], change.request.requester
    end = change.state if change.has_waited and change.state in ENDED else None
    if is_reminder:
        return (MessageKey(change.id, REMINDER),)
    if channel not in MEMBERS or "user" in body:
        person = UserId(body.get("user") or f"U{channel[1:]}")
        if person != requester:
            return (MessageKey(change.id, MessageRole.DIRECT, person),)
        if end is None and not change.is_put_off:
            return (MessageKey(change.id, REFUSAL, person),)
        return (_notice_key(change, MessageRole.DIRECT_NOTICE, person),)
    if "thread_ts" in body:
        notice = _notice_key(change, MessageRole.NOTICE)
        # A planned end has its own message in a thread.
        return (notice,) if change.request.ends is None else (notice, MessageKey(change.id, MessageRole.REQUEST))
    return (MessageKey(change.id, MessageRole.ALARM if body["text"].startswith(ALARM) else MessageRole.REQUEST),)


def _find_mentions(blocks: Any) -> Iterator[str]:
    """List the people and groups that a new message notifies."""
    match blocks:
        case {"type": "user", "user_id": str(user)}:
            yield user
        case {"type": "usergroup", "usergroup_id": str(group)}:
            yield group
        case dict():
            yield from _find_mentions(list(blocks.values()))
        case list() | tuple():
            for each in blocks:
                yield from _find_mentions(each)


@contextmanager
def notifying(change: Change, *, reminds: bool = False) -> Iterator[None]:
    """Note which change people are notified of meanwhile."""
    token = NOTIFIED.set((change, reminds))
    try:
        yield
    finally:
        NOTIFIED.reset(token)


@contextmanager
def reporting(report: ReportId) -> Iterator[None]:
    """Note which report is shown meanwhile."""
    token = REPORTED.set(report)
    try:
        yield
    finally:
        REPORTED.reset(token)


def is_of_report(key: MessageKey) -> bool:
    """Check whether a message shows a report."""
    return str(key.role).partition(".")[0] == MessageRole.REPORT


def told_state(key: MessageKey) -> ChangeState | None:
    """Return the end of which a message tells the requester; None for any other message."""
    _, _, state = str(key.role).partition(".")
    return ChangeState(state) if is_notice(key) and not state.isdigit() else None


def is_call(key: MessageKey) -> bool:
    """Check whether a message calls people of a stage or of an escalation, or tells a remark."""
    return str(key.role).partition(".")[0] in CALLS


def is_notice(key: MessageKey) -> bool:
    """Check whether a message tells the requester of an end, or of another start."""
    return str(key.role).partition(".")[0] in {MessageRole.NOTICE, MessageRole.DIRECT_NOTICE}


def _notice_key(change: Change, role: MessageRole, recipient: UserId | None = None) -> MessageKey:
    """Return the key of a notice of an end, or of another start: of that one each time."""
    if change.is_put_off:
        return MessageKey(change.id, f"{role}.{change.progress.put_off_version}", recipient)
    return MessageKey.for_state(change.id, role, change.state, recipient)
