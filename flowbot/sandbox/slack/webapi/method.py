"""What a Web API method is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from flowbot.sandbox.slack.core import Core
from flowbot.sandbox.slack.errors import invalid
from flowbot.sandbox.slack.model import Json
from flowbot.sandbox.slack.webapi.arguments import Arguments


@dataclass(frozen=True)
class Method:
    """One Web API method.

    Attributes:
        name: Such as `chat.postMessage`.
        arguments: The model of its arguments.
        run: Carries it out and returns the answer without `ok`.
        scope: What the bot token needs; any of these is enough, none are needed if empty.
    """

    name: str
    arguments: type[Arguments]
    run: Callable[[Core, Any], Json]
    scope: tuple[str, ...] = ()

    def parse(self, values: Json) -> Arguments:
        """Read the arguments; raises `invalid_arguments` that tells which are missing or wrong."""
        try:
            return self.arguments.model_validate(values)
        except ValidationError as error:
            raise invalid("invalid_arguments", [_sentence(e) for e in error.errors()]) from error


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "missing":
        return f"[ERROR] missing required field: {name}"
    return f"[ERROR] {error['msg'].lower()} [json-pointer:/{name}]"
