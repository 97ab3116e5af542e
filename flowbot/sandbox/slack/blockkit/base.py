"""The base of all Block Kit models, and rules for their texts."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

_Text = TypeVar("_Text", bound="HasText")


class HasText(Protocol):
    """An object with a text."""

    text: str


class BlockKitModel(BaseModel):
    """A Block Kit object: no unknown properties, no null, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, value: Any) -> Any:
        for key, entry in value.items() if isinstance(value, dict) else ():
            if entry is None:
                raise PydanticCustomError("null", "must not be null: {key}", {"key": key})
        return value


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 units, which is never less than that in code points."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _require_length(text: str, least: int, most: int, kind: str) -> None:
    if utf16_length(text) > most:
        raise PydanticCustomError(kind, "must be less than {n} characters", {"n": most + 1})
    if utf16_length(text) < least:
        raise PydanticCustomError(kind, "must be more than {n} characters", {"n": least - 1})


def string_length(most: int, least: int = 1) -> AfterValidator:
    """Return the rule that a string has `least` to `most` characters."""

    def check(value: str) -> str:
        _require_length(value, least, most, "size")
        return value

    return AfterValidator(check)


def text_length(most: int, least: int = 1) -> AfterValidator:
    """Return the rule that a text object's text has `least` to `most` characters."""

    def check(value: _Text) -> _Text:
        _require_length(value.text, least, most, "text_size")
        return value

    return AfterValidator(check)


def string_format(pattern: Callable[[str], object], sentence: str) -> AfterValidator:
    """Return the rule that a pattern's `match` accepts the string; `sentence` says what it must be."""

    def check(value: str) -> str:
        if not pattern(value):
            raise PydanticCustomError("shape", "{sentence}", {"sentence": sentence})
        return value

    return AfterValidator(check)


def rule_error(sentence: str) -> PydanticCustomError:
    """Return an error that says what is wrong with an object as a whole."""
    return PydanticCustomError("rule", "{sentence}", {"sentence": sentence})
