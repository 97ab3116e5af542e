"""Types of columns, which read `UNREADABLE` where a cell is malformed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Date, DateTime, Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from flowbot.storage.unreadable import UNREADABLE

T = TypeVar("T")

FIRST_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT: Final = datetime(9999, 1, 1, tzinfo=UTC)


class _Tolerant(TypeDecorator[T]):
    """A type that reads `UNREADABLE` where a column holds something else: one malformed cell fails no query."""

    @property
    def python_type(self) -> type[Any]:
        return self.impl_instance.python_type

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], T | None] | None:
        process = super().result_processor(dialect, coltype)

        def read(value: Any) -> Any:
            try:
                return value if process is None else process(value)
            except (ValueError, TypeError, OverflowError):
                return UNREADABLE

        return read


class Blob(_Tolerant[bytes]):
    """A file's content."""

    impl = LargeBinary
    cache_ok = True


class UtcDateTime(_Tolerant[datetime]):
    """A moment, written with any zone but never without one, and read in UTC.

    What lies outside `FIRST_MOMENT` and `LAST_MOMENT` is unreadable: no zone of a reader's leads out of Python's years.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        """Turn a moment to UTC, since SQLite's text has no zone.

        Raises:
            ValueError: the time has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        """Add the zone that SQLite forgets, and turn PostgreSQL's session zone to UTC.

        Raises:
            ValueError: it is no moment of flowbot's.
        """
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise TypeError("not a moment")
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if not FIRST_MOMENT <= moment < LAST_MOMENT:
            raise ValueError("no moment of flowbot's")
        return moment


class Day(_Tolerant[date]):
    """A day."""

    impl = Date
    cache_ok = True
