"""Policy files: channel policies as TOML, read, written, imported and compared."""

import difflib
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import tomli_w
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import ChannelId, parse_website_id
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, Gate, PolicyBook
from flowbot.errors import ConfigurationError
from flowbot.services.ports.storage import PolicyStore


@dataclass(frozen=True, slots=True)
class PolicyReplacement:
    """The channels whose policy is new, another, gone, or the same as before, each in the order of its book."""

    added: tuple[ChannelId, ...]
    changed: tuple[ChannelId, ...]
    removed: tuple[ChannelId, ...]
    unchanged: tuple[ChannelId, ...]

    @property
    def removes_all(self) -> bool:
        """Whether there were policies and there is none any more."""
        return bool(self.removed) and not (self.added or self.changed or self.unchanged)

    def __str__(self) -> str:
        parts = (("added", self.added), ("changed", self.changed), ("removed", self.removed))
        said = [f"{len(channels)} {what} ({', '.join(channels)})" for what, channels in parts if channels]
        return ", ".join([*said, f"{len(self.unchanged)} as before"])


def compare_books(before: PolicyBook, after: PolicyBook) -> PolicyReplacement:
    """What it means for the channels to put `after` in the place of `before`."""
    old = {policy.id: policy for policy in before.channels}
    new = {policy.id: policy for policy in after.channels}
    return PolicyReplacement(
        added=tuple(channel for channel in new if channel not in old),
        changed=tuple(channel for channel in new if channel in old and new[channel] != old[channel]),
        removed=tuple(channel for channel in old if channel not in new),
        unchanged=tuple(channel for channel in new if old.get(channel) == new[channel]),
    )


def describe_policy_change(before: PolicyBook, after: PolicyBook, done: PolicyReplacement) -> Mapping[str, Any]:
    """What the audit says of it: the rules that came and went, and of a changed policy what is different now."""
    old = {policy.id: _rules(policy) for policy in before.channels}
    new = {policy.id: _rules(policy) for policy in after.channels}
    return {
        "channels": [str(channel) for channel in new],
        "added": {str(channel): new[channel] for channel in done.added},
        "changed": {str(channel): _differences(old[channel], new[channel]) for channel in done.changed},
        "removed": {str(channel): old[channel] for channel in done.removed},
    }


def _rules(policy: ChannelPolicy) -> dict[str, Any]:
    """A policy as plain data, its approval's rules beside the others."""
    plain = policy.model_dump(mode="json", exclude={"id", "approval"})
    return plain | {f"approval.{key}": value for key, value in policy.approval.model_dump(mode="json").items()}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {"before": before[key], "after": after[key]} for key in after if before[key] != after[key]}


_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


_SHOWN: Final = 40


_WHERE: Final = re.compile(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


_GATES: Final = ", ".join(f'"{gate}"' for gate in Gate)


_SHAPES: Final = {
    r"websites": 'must be a table of names, such as 1 = "Shop"',
    r"channels": "must be a list of [[channels]] tables",
    r"channels\[\d+\]": "must be a [[channels]] table",
    r"channels\[\d+\]\.id": "must be a channel id (C…, G… or D…, at most 63 characters)",
    r"channels\[\d+\]\.websites": 'must be a list of website ids, such as [1, 2], or "all"',
    r"channels\[\d+\]\.websites\[\d+\]": "must be a website id: a whole number from 1 to 9223372036854775807",
    r"channels\[\d+\]\.(viewers|editors|approvers)": 'must be a list of people (U…), user groups (S…) or "*"',
    r"channels\[\d+\]\.(viewers|editors|approvers)\[\d+\]": 'must be a person (U… or W…), a user group (S…) or "*"',
    r"channels\[\d+\]\.approval": "must be a table",
    r"channels\[\d+\]\.approval\.required_for": f"must be a list of {_GATES}",
    r"channels\[\d+\]\.approval\.required_for\[\d+\]": f"must be one of {_GATES}",
    r"channels\[\d+\]\.approval\.channel": "must be a channel id (C…, G… or D…)",
    r"channels\[\d+\]\.approval\.break_glass": "must be a list of people (U… or W…)",
    r"channels\[\d+\]\.approval\.break_glass\[\d+\]": "must be a person (U… or W…)",
}
"""What belongs in each place, where the kind of the value is wrong."""


_LIMITS: Final = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
"""What pydantic found, in plain words."""


_KEYS: Final = (
    (re.compile(r""), PolicyBook),
    (re.compile(r"channels\[\d+\]"), ChannelPolicy),
    (re.compile(r"channels\[\d+\]\.approval"), ApprovalRule),
)


class PolicyFileError(ConfigurationError):
    """A policy file is refused. One line that says where and what is wrong; nothing was changed."""


def read_policy_file(file: Path) -> str:
    """The text of `file`, with or without a byte order mark.

    Raises:
        PolicyFileError: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise PolicyFileError(f"{str(file)!r}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise PolicyFileError(f"{str(file)!r}: not UTF-8 text (byte {error.start + 1})") from None


def parse_book(text: str) -> PolicyBook:
    """The book that `text`, TOML, describes; README, "Channel policy", has the format.

    Raises:
        PolicyFileError: it is not TOML, or not such a book.
    """
    document = _document(text.removeprefix("\ufeff"))
    try:
        book = PolicyBook.model_validate(document)
    except ValidationError as error:
        raise PolicyFileError(_one_line(error.errors(include_url=False), document)) from None
    for place, fault in _oddities(book, document):
        raise PolicyFileError(f"{place}: {fault}")
    return book


def dump_book(book: PolicyBook) -> str:
    """The book as TOML with just the keys that were written; `parse_book` of it gives an equal book."""
    document = book.document()
    blocks: list[list[str]] = []
    if "websites" in document:
        blocks.append(["[websites]", *_lines(document["websites"])])
    for policy in document.get("channels", ()):
        blocks.append(["[[channels]]", *_lines({key: policy[key] for key in policy if key != "approval"})])
        if "approval" in policy:
            blocks.append(["[channels.approval]", *_lines(policy["approval"])])
    if document.get("channels") == []:
        blocks.insert(0, ["channels = []"])
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks)


async def import_policies(store: PolicyStore, text: str, at: datetime) -> PolicyReplacement:
    """Replace all policies by those of `text`, as `import_book`.

    Raises:
        PolicyFileError: the text is refused; nothing was changed.
        DependencyError: the store did not answer.
    """
    return await import_book(store, parse_book(text), at)


async def import_book(
    store: PolicyStore,
    book: PolicyBook,
    at: datetime,
    *,
    by: str | None = None,
    warn: Callable[[PolicyBook], None] | None = None,
) -> PolicyReplacement:
    """Replace all policies by `book`, with a line in the audit trail; gives what became of each channel.

    Args:
        store: where they are kept.
        book: the new ones.
        at: what time it is.
        by: who does it, where that is known: the operating system's user, who is nobody in Slack.
        warn: is given the policies that there were, where none is left; where it raises, they stay.

    Raises:
        DependencyError: the store did not answer.
    """
    before = await store.get_book()
    done = compare_books(before, book)
    if warn is not None and done.removes_all:
        warn(before)
    details = {**describe_policy_change(before, book, done), **({"system_user": by} if by else {})}
    await store.replace_all(book, AuditEvent(at=at, action=AuditAction.POLICY_IMPORTED, actor=None, details=details))
    return done


async def export_policies(store: PolicyStore) -> str:
    """All policies as TOML, ready to be imported again.

    Raises:
        DependencyError: the store did not answer.
    """
    return dump_book(await store.get_book())


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyFileError(f"not TOML: {_located(str(error), text)}") from None
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, and brackets nested as deep: nothing that a person writes.
        raise PolicyFileError("not TOML: a number too long or brackets too deep to read") from None


def _located(message: str, text: str) -> str:
    """The parser's message, on one line, that begins with the place."""
    match = _WHERE.search(message)
    if match is None:
        return _flat(message)
    lines = text.split("\n")
    line, column = match["line"] or len(lines), match["column"] or len(lines[-1]) + 1
    return f"line {line}, column {column}: {_flat(message[: match.start()])}"


def _flat(message: str) -> str:
    return " ".join(message.split())


def _one_line(errors: Sequence[ErrorDetails], document: Mapping[str, Any]) -> str:
    """The first mistake, and how many other places have one."""
    found: dict[str, str] = {}
    for error in errors:
        place, value = _place(error, document)
        found.setdefault(place, _said(error, place, value))
    # Of "not such a list" and "not such an entry of it" the second says it all.
    places = [place for place in found if not any(_is_inside(other, place) for other in found)]
    others = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return f"{places[0] or 'file'}: {found[places[0]]}{others}"


def _is_inside(place: str, outer: str) -> bool:
    return place.startswith((f"{outer}[", f"{outer}.")) if outer else False


def _place(error: ErrorDetails, document: Any) -> tuple[str, Any]:
    """Where an error is, as a person would write it, and what stands there.

    Pydantic mixes the kinds that it tried into the path; only what leads on in the document is the path, and at its
    end a key that is missing.
    """
    place, value = "", document
    for step in error["loc"]:
        if isinstance(value, dict) and isinstance(step, str) and (step in value or error["type"] == "missing"):
            place += ("." if place else "") + _key(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            place += f"[{step}]"
            value = value[step]
    return place, value


def _key(key: str) -> str:
    """A key as TOML writes it, not too long for one line."""
    shown = key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"
    return shown if re.fullmatch(r"[A-Za-z0-9_-]+", shown) else json.dumps(shown, ensure_ascii=True)


def _said(error: ErrorDetails, place: str, value: Any) -> str:
    """One mistake in plain words."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(place)
    if kind == "value_error" and isinstance(value, dict):
        return str(error["ctx"]["error"])
    if kind != "missing":
        for shape, words in _SHAPES.items():
            if re.fullmatch(shape, place):
                return words
    if kind in {"int_parsing", "int_parsing_size"} and place.startswith("websites."):
        return "must be a website id: a whole number from 1 to 9223372036854775807"
    return _LIMITS.get(kind, error["msg"]).format_map(error.get("ctx", {}))


def _unknown(place: str) -> str:
    """That a key is not known here, and the one that was perhaps meant."""
    parent, _, key = place.rpartition(".")
    known = next((model.model_fields for pattern, model in _KEYS if pattern.fullmatch(parent)), {})
    close = difflib.get_close_matches(key, known, n=1)
    return f"is not a known key; did you mean {close[0]}?" if close else "is not a known key"


def _oddities(book: PolicyBook, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the model lets pass, but no file should hold: (place, what is wrong)."""
    for key in document.get("websites", ()):
        if parse_website_id(key) is None:
            yield f"websites.{_key(key)}", "must be a website id: a whole number from 1 up, in plain digits"
    for website, name in book.websites.items():
        if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
            yield f"websites.{website}", "must not hold line breaks or other control characters"
        elif not name.strip():
            yield f"websites.{website}", "must not be blank"


def _lines(table: Mapping[str, Any]) -> list[str]:
    """The table's entries, each on a line; TOML has no word for None, and leaving the key out means the same."""
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: Any) -> str:
    """A value on one line: lists as people write them, everything else as the library does."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").removesuffix("\n")
