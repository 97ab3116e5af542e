"""The parser of what follows `/flows`, in English and Turkish."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import FormKind
from flowbot.domain.ids import FlowId
from flowbot.domain.search import FlowQuery
from flowbot.errors import UserError
from flowbot.services.flow_queries import ListRequest
from flowbot.slack.listeners.commands.words import (
    TURKISH,
    CommandWord,
    accented_word,
    find_word,
    normalize_word,
    suggest_word,
)

TEXT_MAX: Final = 500
"""Characters of a command: more cannot be carried along by a button."""


@dataclass(frozen=True, slots=True)
class Help:
    """`help`, or nothing at all."""


@dataclass(frozen=True, slots=True)
class List:
    """`list …`."""

    request: ListRequest


@dataclass(frozen=True, slots=True)
class Show:
    """`show ID`."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class OpenForm:
    """`create`, `edit ID` or `duplicate ID`."""

    kind: FormKind
    flow: FlowId | None = None


@dataclass(frozen=True, slots=True)
class RequestChange:
    """`enable ID [REASON…]`, `disable …`, `delete …`."""

    kind: ChangeKind
    flow: FlowId
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Approvals:
    """`approvals`."""


@dataclass(frozen=True, slots=True)
class History:
    """`history [ID]`."""

    flow: FlowId | None


@dataclass(frozen=True, slots=True)
class Setup:
    """`setup`."""


Command = Help | List | Show | OpenForm | RequestChange | Approvals | History | Setup


def parse_command(text: str) -> Command:
    """Return the command that a person typed.

    Args:
        text: what Slack hands over after `/flows`, with its escapes.

    Raises:
        UserError: the text is no command, or an incomplete one; says what was expected.
    """
    typed = unescape(text).strip()
    if len(typed) > TEXT_MAX:
        raise UserError("command.too_long", most=TEXT_MAX)
    first, rest = _split_first_word(typed)
    word = find_word(first)
    if word is None:
        near = suggest_word(first)
        if near is None:
            raise UserError("command.unknown", word=first[:40])
        raise UserError("command.did_you_mean", word=first[:40], near=near)
    return _PARSERS[word](rest, accented_word(normalize_word(first)))


def find_command_word(text: str) -> CommandWord | None:
    """Return the command's word, whatever follows it, or None for an unknown word."""
    return find_word(_split_first_word(unescape(text[:TEXT_MAX]).strip())[0])


def unescape(text: str) -> str:
    """Return the text as it was typed: Slack escapes `&`, `<`, `>`, and wraps links and mentions in `<…|label>`."""
    bare = re.sub(r"<([^<>|]*)(?:\|([^<>]*))?>", lambda found: found[2] or found[1], text)
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def parse_flow_id(text: str, word: str) -> FlowId:
    """Return a flow's id, typed with or without a number sign.

    Args:
        text: the rest of the command, after its word.
        word: that word in the language in which it was typed, for an example.

    Raises:
        UserError: the id is missing, not a number, or followed by something else.
    """
    found = re.fullmatch(r"#?([0-9]{1,18})", text.strip(), re.ASCII)
    if found:
        return FlowId(int(found[1]))
    raise UserError("command.needs_id" if not text.strip() else "command.bad_id", verb=word, given=text.strip()[:80])


def _split_first_word(text: str) -> tuple[str, str]:
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0] if rest else ""


_TOKEN: Final = re.compile(
    r"""(?P<key>website|site|page|sayfa):(?:["“”„](?P<quoted_value>[^"“”„]*)["“”„]|(?P<value>\S*))"""
    r"""|["“”„](?P<quoted>[^"“”„]+)["“”„]|(?P<word>\S+)""",
    re.IGNORECASE,
)
_STATES: Final = {"enabled": True, "disabled": False}
_TURKISH_STATES: Final = _STATES | {"etkin": True, "durdurulmus": False}
"""Matched without case and accents, as the commands are; understood after a Turkish command alone."""
_QUOTES: Final = '"“”„'


@dataclass(slots=True)
class _ListDraft:
    """A list request while it is read word by word; the last of two values counts."""

    states: Mapping[str, bool]
    words: tuple[str, ...] = ()
    is_enabled: bool | None = None
    website: str | None = None
    website_at: int = 0
    page: int = 1

    def add_word(self, word: str) -> None:
        state = self.states.get(normalize_word(word))
        if state is None:
            # An opening quote without a closing one is no part of the word.
            self.words += (word.lstrip(_QUOTES) or word,)
        else:
            self.is_enabled = state

    def add_website(self, value: str) -> None:
        if not value:
            raise UserError("list.which_website")
        self.website = value
        self.website_at = len(self.words)

    def add_page(self, value: str) -> None:
        if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            raise UserError("list.bad_page", given=value[:40])
        self.page = int(value)


def _parse_list(text: str, word: str) -> ListRequest:
    """Parse `[WORDS…] [enabled|disabled] [website:NAME_OR_ID] [page:N]`, in any order; quotes keep words together."""
    draft = _ListDraft(_TURKISH_STATES if word in TURKISH else _STATES)
    add: Mapping[str, Callable[[str], None]] = {
        "website": draft.add_website,
        "site": draft.add_website,
        "page": draft.add_page,
        "sayfa": draft.add_page,
    }
    for token in _TOKEN.finditer(text):
        if token["key"]:
            add[token["key"].lower()]((token["quoted_value"] or token["value"] or "").strip())
        elif token["quoted"]:
            draft.words += (token["quoted"],)
        else:
            draft.add_word(token["word"])
    return ListRequest(FlowQuery(draft.words, draft.is_enabled), draft.website, draft.website_at, draft.page)


_Parser = Callable[[str, str], Command]
"""Returns the command for the text after its word, and that word as it was typed."""


def _change_parser(kind: ChangeKind) -> _Parser:
    def parse_rest(rest: str, word: str) -> Command:
        number, reason = _split_first_word(rest)
        return RequestChange(kind, parse_flow_id(number, word), reason.strip())

    return parse_rest


_PARSERS: Final[Mapping[CommandWord, _Parser]] = {
    CommandWord.HELP: lambda _rest, _word: Help(),
    CommandWord.LIST: lambda rest, word: List(_parse_list(rest, word)),
    CommandWord.SHOW: lambda rest, word: Show(parse_flow_id(rest, word)),
    CommandWord.CREATE: lambda _rest, _word: OpenForm(FormKind.CREATE),
    CommandWord.EDIT: lambda rest, word: OpenForm(FormKind.EDIT, parse_flow_id(rest, word)),
    CommandWord.DUPLICATE: lambda rest, word: OpenForm(FormKind.DUPLICATE, parse_flow_id(rest, word)),
    CommandWord.ENABLE: _change_parser(ChangeKind.ENABLE),
    CommandWord.DISABLE: _change_parser(ChangeKind.DISABLE),
    CommandWord.DELETE: _change_parser(ChangeKind.DELETE),
    CommandWord.APPROVALS: lambda _rest, _word: Approvals(),
    CommandWord.SETUP: lambda _rest, _word: Setup(),
    CommandWord.HISTORY: lambda rest, word: History(parse_flow_id(rest, word) if rest.strip() else None),
}
