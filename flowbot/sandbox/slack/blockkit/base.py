"""The ground that all Block Kit models stand on."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

_T = TypeVar("_T", bound="HasText")


class HasText(Protocol):
    """A text object."""

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


def _check(text: str, least: int, most: int, kind: str) -> None:
    if utf16_length(text) > most:
        raise PydanticCustomError(kind, "must be less than {n} characters", {"n": most + 1})
    if utf16_length(text) < least:
        raise PydanticCustomError(kind, "must be more than {n} characters", {"n": least - 1})


def string_length(most: int, least: int = 1) -> AfterValidator:
    """Return the rule that a string has `least` to `most` characters."""

    def check(value: str) -> str:
        _check(value, least, most, "size")
        return value

    return AfterValidator(check)


def text_length(most: int, least: int = 1) -> AfterValidator:
    """Return the rule that a text object's text has `least` to `most` characters."""

    def check(value: _T) -> _T:
        _check(value.text, least, most, "text_size")
        return value

    return AfterValidator(check)


def string_format(pattern: Callable[[str], object], sentence: str) -> AfterValidator:
    """Return the rule that a pattern's `match` accepts the string."""

    def check(value: str) -> str:
        if not pattern(value):
            raise PydanticCustomError("shape", "{sentence}", {"sentence": sentence})
        return value

    return AfterValidator(check)


def rule_error(sentence: str) -> PydanticCustomError:
    """Return an error that says what is wrong with an object as a whole."""
    return PydanticCustomError("rule", "{sentence}", {"sentence": sentence})
