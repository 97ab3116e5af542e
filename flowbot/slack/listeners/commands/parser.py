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
    """The command that a person typed.

    Args:
        text: what Slack hands over after `/flows`, with its escapes.

    Raises:
        UserError: it is not a command, or not a whole one; says what was expected.
    """
    typed = unescape(text).strip()
    if len(typed) > TEXT_MAX:
        raise UserError("command.too_long", most=TEXT_MAX)
    first, rest = _first_word(typed)
    verb = find_word(first)
    if verb is None:
        raise _unknown_command(first)
    return _PARSERS[verb](rest, accented_word(normalize_word(first)))


def command_word_of(text: str) -> CommandWord | None:
    """Which command a person meant, whatever follows its word; None where there is no such word."""
    return find_word(_first_word(unescape(text[:TEXT_MAX]).strip())[0])


def unescape(text: str) -> str:
    """The text as it was typed: Slack escapes `&`, `<`, `>`, and wraps links, people and channels in `<…|label>`."""
    bare = re.sub(r"<([^<>|]*)(?:\|([^<>]*))?>", lambda found: found[2] or found[1], text)
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def parse_flow_id(text: str, word: str) -> FlowId:
    """A flow's id, with or without a number sign.

    Args:
        text: what follows the command's word.
        word: that word in the language in which it was typed, for an example.

    Raises:
        UserError: there is none, or it is no number, or there is more than that.
    """
    found = re.fullmatch(r"#?([0-9]{1,18})", text.strip(), re.ASCII)
    if found:
        return FlowId(int(found[1]))
    raise UserError("command.needs_id" if not text.strip() else "command.bad_id", verb=word, given=text.strip()[:80])


def _first_word(text: str) -> tuple[str, str]:
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0] if rest else ""


def _unknown_command(word: str) -> UserError:
    shown, near = word[:40], suggest_word(word)
    if near is None:
        return UserError("command.unknown", word=shown)
    return UserError("command.did_you_mean", word=shown, near=near)


_TOKEN: Final = re.compile(
    r"""(?P<key>website|site|page|sayfa):(?:["“”„](?P<quoted_value>[^"“”„]*)["“”„]|(?P<value>\S*))"""
    r"""|["“”„](?P<quoted>[^"“”„]+)["“”„]|(?P<word>\S+)""",
    re.IGNORECASE,
)


_STATES: Final = {"enabled": True, "disabled": False}


_TURKISH_STATES: Final = _STATES | {"etkin": True, "durdurulmus": False}
"""As the commands' words are matched, without case and accents; after a Turkish command alone."""


_QUOTES: Final = '"“”„'


@dataclass(slots=True)
class _ListDraft:
    """A list request while it is read word by word; what is said twice counts as said last."""

    states: Mapping[str, bool]
    words: tuple[str, ...] = ()
    is_enabled: bool | None = None
    website: str | None = None
    website_at: int = 0
    page: int = 1

    def add_word(self, word: str) -> None:
        state = self.states.get(normalize_word(word))
        if state is None:
            # A quote that is opened and not closed belongs to no word.
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


def _parse_list(text: str, verb: str) -> ListRequest:
    """`[WORDS…] [enabled|disabled] [website:NAME_OR_ID] [page:N]`, in any order; quotes keep words together."""
    draft = _ListDraft(_TURKISH_STATES if verb in TURKISH else _STATES)
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
"""Makes a command of what follows its word, and of the word."""


def _change_parser(kind: ChangeKind) -> _Parser:
    def parse_rest(rest: str, word: str) -> Command:
        number, reason = _first_word(rest)
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
