"""From an answer's bytes to typed values: all at once, and item by item only where one of them is broken."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from flowbot.enkapush._answers import Answer
from flowbot.enkapush.errors import MalformedAnswerError
from flowbot.enkapush.models import Record
from flowbot.enkapush.pages import Page

_log = structlog.get_logger("enkapush")

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class _Meta(BaseModel):
    page: int | None = None
    results_per_page: int | None = Field(default=None, gt=0)
    total: int = Field(ge=0)
    total_pages: int | None = Field(default=None, ge=0)


class _List(BaseModel, Generic[R]):
    data: tuple[R, ...]
    meta: _Meta


class _LooseList(BaseModel):
    data: list[Any]
    meta: _Meta


class _Single(BaseModel, Generic[R]):
    data: R


class _Placed(BaseModel):
    website_id: int


class _Id(BaseModel):
    id: int


class _Written(BaseModel):
    data: _Id


class Reader(Generic[R]):
    """Reads answers about one kind of thing.

    Args:
        kind: The model of one thing.
    """

    def __init__(self, kind: type[R]) -> None:
        self._kind = kind
        self._item: TypeAdapter[R] = TypeAdapter(kind)
        # The annotation is made at run time from a value, which no static checker can follow.
        self._single: TypeAdapter[_Single[R]] = TypeAdapter(_Single[kind])  # type: ignore[valid-type]
        self._list: TypeAdapter[_List[R]] = TypeAdapter(_List[kind])  # type: ignore[valid-type]

    def one(self, answer: Answer, asked: int) -> R:
        """Return the thing of that id.

        Raises:
            MalformedAnswerError: The answer is not one whole thing, or it is another one.
        """
        thing = _decoded(answer, self._single.validate_json).data
        if thing.id != asked:
            raise answer.malformed(f"asked for {asked}, got {thing.id}")
        return thing

    def page(self, answer: Answer, asked: int, size: int) -> Page[R]:
        """Return one page; things that cannot be read are left out, noted and logged.

        Args:
            answer: The answer.
            asked: The number of the page that was asked for.
            size: The page size that was asked for.

        Raises:
            MalformedAnswerError: The answer is no list at all.
        """
        with suppress(ValidationError):
            whole = self._list.validate_json(answer.content)
            return _page(whole.data, whole.meta, asked, size)
        return self._item_by_item(answer, asked, size)

    def _item_by_item(self, answer: Answer, asked: int, size: int) -> Page[R]:
        loose = _decoded(answer, _LooseList.model_validate_json)
        read = [(item, self._item_or_none(item, answer)) for item in loose.data]
        items = tuple(thing for _, thing in read if thing is not None)
        unread = tuple(_website(item) for item, thing in read if thing is None)
        return _page(items, loose.meta, asked, size, unread)

    def _item_or_none(self, item: object, answer: Answer) -> R | None:
        try:
            return self._item.validate_python(item)
        except ValidationError as error:
            known = item.get("id") if isinstance(item, dict) else None
            _log.warning(
                "enkapush.item_skipped",
                kind=self._kind.__name__,
                id=known if isinstance(known, int) else None,
                path=answer.exchange.path,
                reason=_where(error),
            )
            return None


def made_id(answer: Answer) -> int:
    """Return the id of the flow that a creation answered.

    Raises:
        MalformedAnswerError: There is none.
    """
    return _decoded(answer, _Written.model_validate_json).data.id


def answered_id(answer: Answer, asked: int) -> int | None:
    """Return the id that a write to `asked` answered, None where there is none.

    Anything but `asked` is logged, and is no error: the server has ended the write, and only reading back tells how.
    """
    try:
        written = made_id(answer)
    except MalformedAnswerError as error:
        _log.warning("enkapush.odd_answer", path=answer.exchange.path, reason=error.reason)
        return None
    if written != asked:
        _log.warning("enkapush.odd_answer", path=answer.exchange.path, reason=f"wrote to {asked}, answered {written}")
    return written


def _decoded(answer: Answer, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(answer.content)
    except ValidationError as error:
        reason = _where(error)
    # Outside of the `except`: pydantic's text quotes the body, which may echo the key, and must not be the context.
    raise answer.malformed(reason)


def _page(items: tuple[R, ...], meta: _Meta, asked: int, size: int, unread: tuple[int | None, ...] = ()) -> Page[R]:
    size = meta.results_per_page or size
    pages = -(-meta.total // size) if meta.total_pages is None else meta.total_pages
    return Page(items, meta.page or asked, size, meta.total, pages, unread)


def _website(item: object) -> int | None:
    """The website of something that cannot be read whole, where as much as that can be read."""
    with suppress(ValidationError):
        return _Placed.model_validate(item).website_id
    return None


def _where(error: ValidationError) -> str:
    """Return where the first flaw is, without the value, which may be anything."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the answer"
    return f"{place}: {first['type']}"
