"""Documents: values of one type, kept as JSON."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from flowbot.errors import DatabaseFaultError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Replace tuples by lists, and moments and days by ISO texts, as JSON knows them.

    Pydantic's own way to JSON replaces the lone halves of surrogate pairs in a dictionary's keys.
    """
    match value:
        case date():
            return value.isoformat()
        case Mapping():
            return {key: to_plain(content) for key, content in value.items()}
        case list() | tuple():
            return [to_plain(content) for content in value]
        case _:
            return value


def join_buttons(flow: Any) -> Any:
    """Put the buttons of a flow's document into the pair `buttons`, as every version of flowbot has stored them."""
    if flow is None:
        return None
    others = {name: value for name, value in flow.items() if name not in {"button_1", "button_2"}}
    return others | {"buttons": [flow["button_1"], flow["button_2"]]}


def split_buttons(flow: Any) -> Any:
    """Undo `join_buttons` in a document that was stored; what is no such document is left as it is.

    Raises:
        DependencyError: its buttons are no pair.
    """
    match flow:
        case {"buttons": [first, second]}:
            return {**flow, "button_1": first, "button_2": second}
        case {"buttons": _}:
            raise DatabaseFaultError
        case _:
            return flow


class Document(Generic[T]):
    """The JSON document of one type's values.

    Args:
        kind: a dataclass or a pydantic model; a field of type `Any` holds what JSON knows.
        has_mappings: whether a dictionary may be among its parts; without one it is written in a third of the time.
    """

    def __init__(self, kind: type[T], *, has_mappings: bool = True) -> None:
        self._adapter = TypeAdapter(kind)
        self._has_mappings = has_mappings

    def write(self, value: T) -> Any:
        """Turn a value into a JSON column's, without what a pydantic model was never given."""
        if not self._has_mappings:
            return self._adapter.dump_python(value, mode="json", warnings=False)
        # Any mapping may stand where a field asks for one, which is all that pydantic would warn of.
        return to_plain(self._adapter.dump_python(value, exclude_unset=True, warnings=False))

    def read(self, document: Any) -> T:
        """Turn a JSON column's value back.

        Raises:
            DependencyError: it cannot be read, perhaps since a newer flowbot wrote it, and must not be guessed.
        """
        try:
            return self._adapter.validate_python(document)
        except ValidationError as error:
            raise DatabaseFaultError from error
