"""What can go wrong, as few kinds as possible.

FlowbotError            something that a person is told in a sentence
├── UserError           a person's mistake, or something not allowed: nothing is broken
├── Fault               ours or the network's: told with an incident id, and logged
└── ConfigurationError  the one who deploys has to act: one line, exit status 2
"""

from collections.abc import Mapping
from typing import Any


class FlowbotError(Exception):
    """A failure that can be said to a person.

    Args:
        key: the message's id in the locales.
        params: what its placeholders stand for; foreign text in them is data, never markup.
    """

    def __init__(self, key: str, /, **params: Any) -> None:
        super().__init__(key)
        self.key = key
        self.params: Mapping[str, Any] = params

    def __str__(self) -> str:
        """For the log. Lists are left out: they hold what there is, and not what was asked for."""
        said = {name: value for name, value in self.params.items() if not isinstance(value, list | tuple)}
        detail = ", ".join(f"{name}={value!r}" for name, value in said.items())
        return f"{self.key}({detail})"


class UserError(FlowbotError):
    """A person's mistake, or something that is not allowed. Not logged as an error."""


class Fault(FlowbotError):  # noqa: N818 - the field's word for what is broken, as against a person's error
    """Ours or the network's. The cause (`raise … from`) goes to the log, never to the person."""


class ConfigurationError(Exception):
    """A setting is missing, malformed or refused. The message is one line that names it and holds no secret."""
