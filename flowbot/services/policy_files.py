"""Policy files: channel policies as TOML, read, written and imported."""

import re
import sys
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import tomli_w
from pydantic import ValidationError

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.freezes import MAX_FREEZES, find_endless
from flowbot.domain.ids import parse_website_id
from flowbot.domain.policy import PolicyBook
from flowbot.domain.text import is_blank
from flowbot.domain.website_names import NameProblem, find_name_problems
from flowbot.errors import ConfigurationError
from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.weekdays import read_weekly_time
from flowbot.services.policy_differences import describe_differences
from flowbot.services.policy_file_errors import AUDIENCE_WORDS, LANGUAGE_WORDS, describe_errors, format_key
from flowbot.services.ports.policies import PolicyStore

_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NAME_PROBLEMS: Final = {
    NameProblem.INVISIBLE: "must not hold invisible characters",
    NameProblem.NUMBER: "must not be another website's number",
    NameProblem.TAKEN: "is another website's name",
}
_TOML_PLACE: Final = re.compile(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_SECTIONS: Final = ("approval", "watch", "breaker", "digest")
"""The parts of a channel's policy that are tables of their own."""
_PLAIN_NUMBER: Final = re.compile(r"[1-9][0-9]*", re.ASCII)


class PolicyFileError(ConfigurationError):
    """A policy file is refused. One line says where and what is wrong; nothing was changed."""


def read_policy_file(file: Path) -> str:
    """Read the text of a file, `-` for standard input, with or without a byte order mark.

    Raises:
        PolicyFileError: it cannot be read, or is not UTF-8.
    """
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise PolicyFileError(f"{str(file)!r}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise PolicyFileError(f"{str(file)!r}: not UTF-8 text (byte {error.start + 1})") from None


def parse_book(text: str) -> PolicyBook:
    """Parse a book from TOML; README, "Channel policy", shows one.

    Raises:
        PolicyFileError: it is not TOML, or not such a book.
    """
    text = text.removeprefix("\ufeff")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyFileError(f"not TOML: {_locate(str(error), text)}") from None
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, and brackets nested as deep: nothing that a person writes.
        raise PolicyFileError("not TOML: a number too long or brackets too deep to read") from None
    _simplify_digests(document)
    try:
        book = PolicyBook.model_validate(document)
    except ValidationError as error:
        raise PolicyFileError(describe_errors(error.errors(include_url=False), document)) from None
    _check_websites(book, document)
    _check_audiences(document)
    _check_languages(book)
    _check_freezes(book)
    return book


def dump_book(book: PolicyBook) -> str:
    """Write the book as TOML with just the keys that were written; `parse_book` of it gives an equal book."""
    document = book.document()
    blocks: list[list[str]] = []
    if "websites" in document:
        blocks.append(["[websites]", *_lines(document["websites"])])
    for policy in document.get("channels", ()):
        blocks.append(["[[channels]]", *_lines({key: policy[key] for key in policy if key not in _SECTIONS})])
        blocks += [[f"[channels.{name}]", *_lines(policy[name])] for name in _SECTIONS if policy.get(name) is not None]
    for freeze in document.get("freezes", ()):
        days = {key: date.fromisoformat(freeze[key]) for key in ("from", "to") if freeze.get(key)}
        blocks.append(["[[freezes]]", *_lines(freeze | days)])
    for empty in ("freezes", "channels"):
        if document.get(empty) == []:
            blocks.insert(0, [f"{empty} = []"])
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks)


async def import_book(
    store: PolicyStore,
    book: PolicyBook,
    at: datetime,
    *,
    by: str | None = None,
) -> list[str]:
    """Replace all policies by those of a book, with an audit event, and return what changes, as `describe_differences`.

    Args:
        store: where policies are stored.
        book: the new policies.
        at: the current time.
        by: the operating system's user, where that is known: they are nobody in Slack.

    Raises:
        DependencyError: the store did not answer.
    """
    differences = describe_differences(await store.get_book(), book)
    details: dict[str, Any] = {"channels": [str(policy.id) for policy in book.channels], "differences": differences}
    if by:
        details["system_user"] = by
    await store.replace_all(book, AuditEvent(at=at, action=AuditAction.POLICY_IMPORTED, actor=None, details=details))
    return differences


async def export_policies(store: PolicyStore) -> str:
    """Export all policies as TOML, ready to be imported again.

    Raises:
        DependencyError: the store did not answer.
    """
    return dump_book(await store.get_book())


def _locate(message: str, text: str) -> str:
    """Put the place first in the parser's message, on one line."""
    match = _TOML_PLACE.search(message)
    if match is None:
        return " ".join(message.split())
    lines = text.split("\n")
    line, column = match["line"] or len(lines), match["column"] or len(lines[-1]) + 1
    return f"line {line}, column {column}: {' '.join(message[: match.start()].split())}"


def _simplify_digests(document: Mapping[str, Any]) -> None:
    """Write the digests' times, whose weekdays are of any language, as policies have them. What is none stays."""
    channels = document.get("channels")
    for channel in channels if isinstance(channels, list) else ():
        digest = channel.get("digest") if isinstance(channel, dict) else None
        if isinstance(digest, dict) and isinstance(digest.get("at"), str) and (at := read_weekly_time(digest["at"])):
            digest["at"] = str(at)


def _check_languages(book: PolicyBook) -> None:
    """Make sure that flowbot speaks the channels' languages.

    Raises:
        PolicyFileError: it does not.
    """
    for number, policy in enumerate(book.channels):
        if policy.language not in {None, *LANGUAGES}:
            raise PolicyFileError(f"channels[{number}].language: {LANGUAGE_WORDS}")


def _check_audiences(document: Mapping[str, Any]) -> None:
    """Make sure that audiences are written in plain digits, which no model checks.

    Raises:
        PolicyFileError: one is not.
    """
    for number, channel in enumerate(document.get("channels", ())):
        for key in channel.get("approval", {}).get("quorum_over", ()):
            if not _PLAIN_NUMBER.fullmatch(key):
                raise PolicyFileError(
                    f"channels[{number}].approval.quorum_over.{format_key(key)}: {AUDIENCE_WORDS}, in plain digits"
                )


def _check_websites(book: PolicyBook, document: Mapping[str, Any]) -> None:
    """Make sure that websites are named as no model checks it: ids in plain digits, names that show and are told apart.

    Raises:
        PolicyFileError: one is not.
    """
    for key in document.get("websites", ()):
        if parse_website_id(key) is None:
            raise PolicyFileError(
                f"websites.{format_key(key)}: must be a website id: a whole number from 1 up, in plain digits"
            )
    for website, name in book.websites.items():
        if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
            raise PolicyFileError(f"websites.{website}: must not hold line breaks or other control characters")
        if is_blank(name):
            raise PolicyFileError(f"websites.{website}: must not be blank")
    for website, problem in find_name_problems(book.websites).items():
        raise PolicyFileError(f"websites.{website}: {_NAME_PROBLEMS[problem]}")


def _check_freezes(book: PolicyBook) -> None:
    """Make sure that freezes have names that show, cover channels that are set up, are not too many, and end.

    Raises:
        PolicyFileError: one does not.
    """
    for number, freeze in enumerate(book.freezes):
        if any(unicodedata.category(character) in _UNPRINTABLE for character in freeze.name):
            raise PolicyFileError(f"freezes[{number}].name: must not hold line breaks or other control characters")
        if is_blank(freeze.name):
            raise PolicyFileError(f"freezes[{number}].name: must not be blank")
        for channel in freeze.channels or ():
            if book.policy(channel) is None:
                raise PolicyFileError(f"freezes[{number}].channels: {channel} is no channel of this file")
    for policy in book.channels:
        if sum(freeze.covers_channel(policy.id) for freeze in book.freezes) > MAX_FREEZES:
            raise PolicyFileError(f"freezes: more than {MAX_FREEZES} cover {policy.id}")
    if (endless := find_endless(book.freezes)) is not None:
        raise PolicyFileError(f"freezes: {endless!r} would not end within a year, with those that touch it")


def _lines(table: Mapping[str, Any]) -> list[str]:
    """Write a table's entries, each on a line. TOML has no word for None; leaving the key out means the same."""
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: Any) -> str:
    """Write a value on one line: lists and tables as people write them, everything else as the library does."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_lines(value))} }}" if value else "{}"
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").removesuffix("\n")
