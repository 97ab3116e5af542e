"""State of a workspace: its people, channels, messages, views and files."""

import itertools
import secrets
from collections import defaultdict
from dataclasses import dataclass, field

from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.guide import Guide
from flowbot.sandbox.slack.models import Channel, Clock, Message, Person, StoredFile, Team, UserGroup, View

_SHOWN_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


def generate_id(prefix: str) -> str:
    """Return a new id of Slack's shape: the prefix and ten capitals or digits."""
    return prefix + secrets.token_hex(5).upper()


@dataclass
class Workspace:
    """A workspace, in memory.

    `team` is where the app is installed, or with `is_enterprise_install` one workspace of the organisation that it is
    installed in; `people` may belong to other teams. With `accepts_newer_blocks = False` it refuses the block types
    that older workspaces do not know. A file that the bot uploaded takes `file_processing_seconds` until blocks can
    show it. `guide` is the page's guide for newcomers.
    """

    team: Team
    bot: Person
    app_id: str
    bot_id: str
    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    accepts_newer_blocks: bool = True
    is_enterprise_install: bool = False
    file_processing_seconds: float = 1.0
    guide: Guide | None = None
    messages: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    modals: dict[str, list[View]] = field(default_factory=lambda: defaultdict(list))
    homes: dict[str, View] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    _ticks: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def next_ts(self) -> str:
        """Return a message timestamp that no other message has."""
        return f"{int(self.clock.now())}.{next(self._ticks):06d}"

    def get_person(self, user_id: str) -> Person:
        """Return a person or bot by id; raises `user_not_found`."""
        found = self.bot if user_id == self.bot.id else self.people.get(user_id)
        if found is None:
            raise SlackError("user_not_found")
        return found

    def is_external(self, person: Person) -> bool:
        """Check whether the person belongs to another company."""
        is_sister = self.team.enterprise is not None and person.team.enterprise == self.team.enterprise
        return person.team.id != self.team.id and not is_sister

    def get_bot_channel(self, channel_id: str) -> Channel:
        """Return a channel that the bot can see; raises `channel_not_found` for a private one without the bot."""
        channel = self.channels.get(channel_id)
        if channel is None or ((channel.is_private or channel.is_im) and self.bot.id not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def open_direct_message(self, user_id: str) -> Channel:
        """Return the direct conversation of the bot and this person; create it at first use."""
        for channel in self.channels.values():
            if channel.is_im and user_id in channel.members:
                return channel
        channel = Channel(generate_id("D"), "directmessage", [user_id, self.bot.id], is_im=True)
        self.channels[channel.id] = channel
        return channel

    def list_channels(self, user_id: str) -> list[Channel]:
        """Return the channels that this person is in, without archived ones."""
        return [c for c in self.channels.values() if user_id in c.members and not c.is_archived]

    def find_message(self, channel_id: str, ts: str) -> Message | None:
        """Return the message with this timestamp, or None."""
        return next((m for m in self.messages[channel_id] if m.ts == ts), None)

    def list_audience(self, message: Message) -> frozenset[str]:
        """Return the ids of those who see this message."""
        if message.ephemeral_to is not None:
            return frozenset({message.ephemeral_to})
        return frozenset(self.channels[message.channel].members)

    def list_visible_messages(self, channel_id: str, user_id: str) -> list[Message]:
        """Return the messages that this person sees in a channel, oldest first."""
        return [m for m in self.messages[channel_id] if user_id in self.list_audience(m)]

    def find_file(self, file_id: str) -> StoredFile | None:
        """Return a file that the bot may see."""
        stored = self.files.get(file_id)
        return None if stored is None or stored.is_hidden else stored

    def is_file_shown(self, file_id: str) -> bool:
        """Check whether blocks can show this file by now: a PNG, JPEG or GIF."""
        if (stored := self.find_file(file_id)) is None:
            return False
        return self.clock.now() >= stored.ready_at and stored.content.startswith(_SHOWN_IMAGES)

    def find_view(self, view_id: str) -> View | None:
        """Return an open modal or a Home by its id."""
        views = itertools.chain(*self.modals.values(), self.homes.values())
        return next((v for v in views if v.id == view_id), None)

    def find_view_by_external_id(self, external_id: str) -> View | None:
        """Return an open modal or a Home by the id that the app gave it."""
        views = itertools.chain(*self.modals.values(), self.homes.values())
        return next((v for v in views if v.external_id == external_id), None)
