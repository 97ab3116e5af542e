"""Keeps the API key out of every text that leaves the client."""

import json
from urllib.parse import quote

from flowbot.enkapush import _constants as constants


class Redactor:
    """Blots the key out of texts, in the spellings in which a server may echo it.

    Args:
        key: The API key: printable ASCII without spaces.

    Raises:
        ValueError: The key could not stand in a header. The message does not show it.
    """

    def __init__(self, key: str) -> None:
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the API key must be printable ASCII without spaces, and not empty")
        spellings = {key, quote(key, safe=""), json.dumps(key)[1:-1], key.replace("/", r"\/")}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Redactor(***)"

    def clean(self, text: str) -> str:
        """Return the text without the key."""
        for spelling in self._spellings:
            text = text.replace(spelling, constants.REDACTED)
        return text

    def body_start(self, content: bytes) -> str:
        """Return the first 500 characters of a body, without the key."""
        # Cleaned before it is cut: a key across the cut would keep its first half.
        window = content[: constants.REDACTION_WINDOW].decode("utf-8", "replace")
        return self.clean(window)[: constants.BODY_START_CHARS]
