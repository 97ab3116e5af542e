"""What the page tells newcomers of the app: data that whoever shows the app brings along."""

import tomllib
from typing import Self

from pydantic import BaseModel, ConfigDict, RootModel


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Try(_Told):
    """Something to send, and what comes of it."""

    text: str
    says: str


class Door(_Told):
    """A link to the page as another person, who is then in this channel."""

    label: str
    person: str
    channel: str


class Card(_Told):
    """What stands where a channel begins."""

    title: str
    text: str
    tries: tuple[Try, ...] = ()
    hint: str = ""
    doors: tuple[Door, ...] = ()


class Word(_Told):
    """A word of the app's slash command, for the message field's suggestions."""

    word: str
    arguments: str = ""
    says: str


class Words(_Told):
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
    commands: tuple[Word, ...] = ()
    cards: dict[str, Card] = {}


class Guide(RootModel[dict[str, Words]]):
    """The guide in each language, by its code, such as `en`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the guide that a TOML text holds, a table for each language; raises ValueError."""
        return cls.model_validate(tomllib.loads(text))
