"""Values of a view's fields, and private metadata."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

ShortText = Annotated[str, Field(max_length=150)]


class PrivateMetadata(BaseModel):
    """What some form of flowbot's carries unseen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From text; None where it is not this form's."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


T = TypeVar("T")


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def _or(empty: T) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


Text = Annotated[str, _or("")]


class FileRef(_Shape):
    """A file that a person added. Its name is what Slack says, so the bytes decide."""

    id: Annotated[str, Field(pattern=r"^F[A-Z0-9]{1,30}$")]
    name: Text = ""
    url_private_download: Text = ""


def _option_text(text: Any) -> str:
    words = text.get("text") if isinstance(text, Mapping) else None
    return words if isinstance(words, str) else ""


class _Option(_Shape):
    value: str
    text: Annotated[str, BeforeValidator(_option_text)] = ""


class FieldValue(_Shape):
    """One field's value, of whatever kind it is."""

    value: Text = ""
    selected_option: _Option | None = None
    selected_options: Annotated[list[_Option], _or([])] = []
    files: Annotated[list[FileRef], _or([])] = []

    @property
    def text(self) -> str:
        """The value as the form's fields have it: text, the chosen value, or `1` for a ticked box."""
        if self.selected_option is not None:
            return self.selected_option.value
        return "1" if self.selected_options else self.value

    @property
    def label(self) -> str:
        """What a person reads of the entry that is chosen in a menu."""
        return self.selected_option.text if self.selected_option else ""


Values = Mapping[str, Mapping[str, FieldValue]]


class _State(_Shape):
    values: Annotated[dict[str, Annotated[dict[str, Annotated[FieldValue, _or({})]], _or({})]], _or({})] = {}


class _View(_Shape):
    private_metadata: Text = ""
    state: Annotated[_State, _or({})] = _State()


def parse_view_state(view: Any) -> tuple[str, Values] | None:
    """The view's `private_metadata` and its fields' values, by block and action; None where it is no view."""
    try:
        parsed = _View.model_validate(view)
    except ValidationError:
        return None
    return parsed.private_metadata, parsed.state.values
