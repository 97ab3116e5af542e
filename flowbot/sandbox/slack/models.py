"""The things a Slack workspace is made of, and its clock."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(frozen=True)
class Team:
    """A company's workspace, perhaps one of several in an Enterprise organisation."""

    id: str
    name: str
    domain: str
    enterprise: str | None = None


@dataclass
class Person:
    """A user: a colleague, an outsider of a shared channel, or a bot.

    `name` is the handle, `real_name` the name that others read. `locale` is None for outsiders, whose
    language Slack does not share.
    """

    id: str
    name: str
    real_name: str
    team: Team
    title: str = ""
    locale: str | None = "en-US"
    tz: str = "Europe/Istanbul"
    tz_label: str = "Turkey Time"
    tz_offset: int = 10800
    color: str = "9f69e7"
    email: str = ""
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False


@dataclass
class UserGroup:
    """A user group (`@handle`)."""

    id: str
    handle: str
    name: str
    users: list[str]
    enabled: bool = True


@dataclass
class Channel:
    """A conversation: public or private channel, perhaps shared, or a direct message (`is_im`)."""

    id: str
    name: str
    members: list[str]
    topic: str = ""
    is_private: bool = False
    is_shared: bool = False
    is_archived: bool = False
    is_im: bool = False
    created: int = 1_760_000_000
    creator: str = ""


@dataclass
class Message:
    """A message, or (`ephemeral_to` set) one that a single person sees."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] | None = None
    bot_id: str | None = None
    thread_ts: str | None = None
    ephemeral_to: str | None = None
    edited_ts: str | None = None
    reply_count: int = 0
    unfurl_links: bool = True
    metadata: Json | None = None

    @property
    def is_ephemeral(self) -> bool:
        """True if only one person sees it."""
        return self.ephemeral_to is not None


@dataclass
class View:
    """A modal or an App Home as the bot defined it, with the values typed so far."""

    id: str
    owner: str
    type: Literal["modal", "home"]
    blocks: list[Json]
    hash: str
    title: Json | None = None
    submit: Json | None = None
    close: Json | None = None
    callback_id: str = ""
    private_metadata: str = ""
    external_id: str = ""
    clear_on_close: bool = False
    notify_on_close: bool = False
    root_view_id: str = ""
    previous_view_id: str | None = None
    values: dict[str, dict[str, Json]] = field(default_factory=dict)


@dataclass
class StoredFile:
    """A file that a person or the bot uploaded.

    `channels` are those it was shared in; before `ready_at` (seconds since the epoch) it is still being
    processed and blocks cannot show it. The bot neither gets nor shows one that `is_hidden` from it.
    """

    id: str
    name: str
    mimetype: str
    content: bytes
    owner: str
    created: float
    title: str = ""
    ready_at: float = 0.0
    channels: list[str] = field(default_factory=list)
    is_hidden: bool = False

    @property
    def size(self) -> int:
        """Size in bytes."""
        return len(self.content)


class Clock:
    """Wall-clock time plus an offset that tests may change.

    Expiries (trigger ids, response URLs) and message timestamps follow this clock; request signatures
    follow the machine's own time, because the bot that checks them lives there.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Return the workspace's time in seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Advance the clock by `seconds` (negative: go back)."""
        self._offset += seconds
