"""What the page tells newcomers of the app: data that whoever shows the app brings along."""

import tomllib
from typing import Self

from pydantic import BaseModel, ConfigDict, RootModel


class _GuideModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Suggestion(_GuideModel):
    """Something to send, and what comes of it."""

    text: str
    says: str


class PersonLink(_GuideModel):
    """A link to the page as another person, who is then in this channel."""

    label: str
    person: str
    channel: str


class ChannelCard(_GuideModel):
    """What stands where a channel begins."""

    title: str
    text: str
    tries: tuple[Suggestion, ...] = ()
    hint: str = ""
    doors: tuple[PersonLink, ...] = ()


class CommandWord(_GuideModel):
    """A word of the app's slash command, for the message field's suggestions."""

    word: str
    arguments: str = ""
    says: str


class LanguageGuide(_GuideModel):
    """The guide in one language.

    Attributes:
        start_as: Who sits at the desk when nobody is named.
        command: The app's slash command.
        help: What shows the app's own help.
        chips: What can be sent by one press.
        commands: The words of the slash command.
        cards: What stands where a channel begins, by the channel's id.
    """

    start_as: str
    command: str
    help: str
    chips: tuple[str, ...] = ()
    commands: tuple[CommandWord, ...] = ()
    cards: dict[str, ChannelCard] = {}


class Guide(RootModel[dict[str, LanguageGuide]]):
    """The guide in each language, by its code, such as `en`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the guide that a TOML text holds, a table for each language; raises ValueError."""
        return cls.model_validate(tomllib.loads(text))
