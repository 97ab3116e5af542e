"""Text after `/flows` as a person typed it, with the ids that Slack put in it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.ids import ChannelId, SlackId, UserId
from flowbot.domain.text import plain_number, remove_invisible, simplify, strip_invisible
from flowbot.slack.payloads.mrkdwn import REFERENCE, describe_references, list_references, unescape_entities

_WORD: Final = re.compile(r"(?:<[^<>]*>|[^\s\u2800])+")
_QUOTED: Final = re.compile(r"""(["'])([^"']*\s[^"']*)\1""")
_NUMBER: Final = re.compile(r"#?([0-9]{1,1000})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TypedText:
    """A text as Slack sent it, with its escapes: by them an id differs from what only looks like one."""

    sent: str = ""

    @property
    def text(self) -> str:
        """The text as it was typed, without what shows nothing at its ends."""
        bare = REFERENCE.sub(lambda found: found[2] or found[1], self.sent)
        return strip_invisible(unescape_entities(bare))

    @property
    def plain(self) -> str:
        """The text without anything invisible, for words and numbers."""
        return unicodedata.normalize("NFC", strip_invisible(remove_invisible(self.text)))

    @property
    def number(self) -> int | None:
        """The number that was typed, with a number sign or quotes or without; None for anything else."""
        found = _NUMBER.fullmatch(plain_number(simplify(self.plain).strip("\"'")))
        return int(found[1]) if found else None

    @property
    def person(self) -> UserId | None:
        """The person whom the text names, and nobody else; None where it is anything else."""
        found = re.fullmatch(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>", strip_invisible(self.sent), re.ASCII)
        return UserId(found[1]) if found else None

    @property
    def channel(self) -> ChannelId | None:
        """The channel that the text names, and nothing else; None where it is anything else."""
        found = re.fullmatch(r"<#([CG][A-Z0-9]+)(?:\|[^<>]*)?>", strip_invisible(self.sent), re.ASCII)
        return ChannelId(found[1]) if found else None

    @property
    def references(self) -> frozenset[SlackId]:
        """The people, user groups and channels that the text refers to."""
        return frozenset(list_references(self.sent))

    def describe(self, names: Mapping[SlackId, str]) -> str:
        """Return the text for others to read, with names in the place of ids; it mentions nobody."""
        return strip_invisible(describe_references(self.sent, names))

    def split_first(self) -> tuple["TypedText", "TypedText"]:
        """Return the first word and the rest."""
        sent = strip_invisible(self.sent)
        found = _WORD.match(sent)
        if found is None:
            return TypedText(), TypedText()
        return TypedText(found[0]), TypedText(strip_invisible(sent[found.end() :]))

    @property
    def words(self) -> tuple["TypedText", ...]:
        """The words, each as Slack sent it."""
        return tuple(TypedText(found[0]) for found in _WORD.finditer(self.sent))

    def without_words(self, start: int, end: int) -> "TypedText":
        """Return the text without the words from `start` to before `end`, and the blanks after them."""
        spans = [found.span() for found in _WORD.finditer(self.sent)]
        before, after = self.sent[: spans[start][0]], self.sent[spans[end - 1][1] :]
        return TypedText(strip_invisible(before + strip_invisible(after)))

    def without_quotes(self) -> "TypedText":
        """Return the text without the quotes around all of it: a command is copied with them."""
        sent = strip_invisible(self.sent)
        return TypedText(sent[1:-1]) if _QUOTED.fullmatch(simplify(sent)) else self
