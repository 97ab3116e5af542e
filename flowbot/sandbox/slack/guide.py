"""The page's guide for newcomers to the app, supplied by the app."""

from pydantic import BaseModel, ConfigDict, RootModel


class _GuideModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Suggestion(_GuideModel):
    """A line to send, and what it does."""

    text: str
    says: str


class PersonLink(_GuideModel):
    """A link to the page as another person, in this channel."""

    label: str
    person: str
    channel: str


class ChannelCard(_GuideModel):
    """A card at the beginning of a channel."""

    title: str
    text: str
    tries: tuple[Suggestion, ...] = ()
    hint: str = ""
    doors: tuple[PersonLink, ...] = ()


class CommandWord(_GuideModel):
    """A word of the slash command, for the suggestions of the message field."""

    word: str
    arguments: str = ""
    says: str


class Shortcut(_GuideModel):
    """A shortcut of the app's: in Slack's menu, or `of_message` in each message's."""

    callback_id: str
    name: str
    of_message: bool = False


class WorkflowStep(_GuideModel):
    """A step of the app's, in a workflow that asks whoever runs it."""

    callback_id: str
    name: str
    inputs: dict[str, str | int]


class LanguageGuide(_GuideModel):
    """The guide in one language.

    Attributes:
        start_as: The person whom the page begins as.
        command: The app's slash command.
        help: The line that shows the app's own help.
        chips: The lines that one press sends.
        shortcuts: The app's shortcuts.
        steps: The app's steps, in workflows that people may run.
        commands: The words of the slash command.
        cards: The cards at the beginning of channels, by channel id.
    """

    start_as: str
    command: str
    help: str
    chips: tuple[str, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    steps: tuple[WorkflowStep, ...] = ()
    commands: tuple[CommandWord, ...] = ()
    cards: dict[str, ChannelCard] = {}


class Guide(RootModel[dict[str, LanguageGuide]]):
    """The guide in each language, by its code, such as `en`."""
