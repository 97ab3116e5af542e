r"""Dataclasses as JSON documents, and short ids.

Documents go into columns of the type JSON (`json` on PostgreSQL, never `jsonb`), written in ASCII: NUL and halves of
surrogate pairs stand in them as `\u0000` and `\ud800`, which both databases keep and `jsonb` or a text column would
refuse. So foreign text comes back exactly as it was, save for one thing that JSON itself cannot tell apart: two halves
side by side come back as the one character that they make.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from flowbot.errors import Fault

T = TypeVar("T")

_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without the characters that are taken for one another: 0 and o, 1, i and l."""
_ID_LENGTH: Final = 10


def new_id() -> str:
    """A fresh id that people can read out, with 49 bits of chance: a unique key has the last word."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


def plain(value: Any) -> Any:
    """The value with lists for tuples and ISO texts for moments, as JSON knows them.

    Pydantic's own way to JSON replaces the lone halves of surrogate pairs in a dictionary's keys.
    """
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            return {key: plain(content) for key, content in value.items()}
        case list() | tuple():
            return [plain(content) for content in value]
        case _:
            return value


class Document(Generic[T]):
    """How values of one type are written and read.

    Args:
        kind: a dataclass or a pydantic model; where its fields say `Any`, they hold what JSON knows.
    """

    def __init__(self, kind: type[T]) -> None:
        self._adapter = TypeAdapter(kind)

    def write(self, value: T) -> Any:
        """The value as a JSON column takes it, without what a pydantic model was never given.

        Any mapping may stand where a field asks for one, which is all that pydantic would warn of.
        """
        return plain(self._adapter.dump_python(value, exclude_unset=True, warnings=False))

    def read(self, document: Any) -> T:
        """The value that was written.

        Raises:
            Fault: a newer flowbot wrote it, perhaps; what cannot be read must not be guessed.
        """
        try:
            return self._adapter.validate_python(document)
        except ValidationError as error:
            raise Fault("fault.database") from error
