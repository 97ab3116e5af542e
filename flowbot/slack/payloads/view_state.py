"""Views as Slack sends them: private metadata, and the values of fields."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from flowbot.domain.ids import ChannelId, UserId

ShortText = Annotated[str, Field(max_length=150)]


class PrivateMetadata(BaseModel):
    """The hidden text of a form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def dump(self) -> str:
        """Return the text that a view's `private_metadata` takes."""
        return self.model_dump_json(exclude_defaults=True)


P = TypeVar("P", bound=PrivateMetadata)
T = TypeVar("T")


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def _or(empty: T) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


Text = Annotated[str, _or("")]


class FileRef(_Shape):
    """A file that a person added. Its name, type and size are what Slack says, so the bytes decide."""

    id: Annotated[str, Field(pattern=r"^F[A-Z0-9]{1,30}$")]
    name: Text = ""
    url_private_download: Text = ""
    mimetype: Text = ""
    size: Annotated[int, _or(0)] = 0


def _option_text(text: Any) -> str:
    words = text.get("text") if isinstance(text, Mapping) else None
    return words if isinstance(words, str) else ""


class _Option(_Shape):
    value: str
    text: Annotated[str, BeforeValidator(_option_text)] = ""


class FieldValue(_Shape):
    """A field's value, whatever its kind."""

    value: Text = ""
    selected_option: _Option | None = None
    selected_options: Annotated[list[_Option], _or([])] = []
    selected_user: UserId | None = None
    selected_users: Annotated[list[UserId], _or([])] = []
    selected_conversation: ChannelId | None = None
    selected_date: Text = ""
    selected_time: Text = ""
    selected_date_time: int | None = None
    files: Annotated[list[FileRef], _or([])] = []

    @property
    def text(self) -> str:
        """The value as the form's fields have it: text, the chosen value, or `1` for a ticked box."""
        if self.selected_option is not None:
            return self.selected_option.value
        return "1" if self.selected_options else self.value

    @property
    def moment(self) -> datetime | None:
        """The moment that was chosen; None for none, and where no calendar has it."""
        seconds = self.selected_date_time
        try:
            return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            return None

    @property
    def label(self) -> str:
        """The text of the entry that is chosen in a menu."""
        return self.selected_option.text if self.selected_option else ""

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that are chosen in a menu for several, or among boxes."""
        return tuple(option.value for option in self.selected_options)


FieldValues = Mapping[str, Mapping[str, FieldValue]]
"""Values of fields, by block and action."""


class _State(_Shape):
    values: Annotated[dict[str, Annotated[dict[str, Annotated[FieldValue, _or({})]], _or({})]], _or({})] = {}


class ViewPayload(_Shape):
    """A view as Slack sends it: a form or the Home tab, its hidden text, and the values of its fields.

    Attributes:
        hash: Changes whenever the view does.
    """

    type: Literal["modal", "home"]
    id: Text = ""
    hash: Text = ""
    callback_id: Text = ""
    private_metadata: Text = ""
    state: Annotated[_State, _or({})] = _State()
    blocks: Annotated[list[Any], _or([])] = []


def parse_metadata(view: ViewPayload, metadata: type[P]) -> P | None:
    """Return the private metadata of a form, or None where it is another form's, or another version's."""
    try:
        return metadata.model_validate_json(view.private_metadata)
    except ValidationError:
        return None
