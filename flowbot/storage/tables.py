"""The tables, the same on SQLite and PostgreSQL. A change here needs a revision in `migrations/versions`."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Integer, MetaData, String, Table
from sqlalchemy.types import TypeDecorator

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every constraint has a name, so that a later revision can find it on both databases."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. It goes in with whatever zone it has, never without one, and comes out in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        """Turn to UTC, which is what SQLite's zoneless text is then in.

        Raises:
            ValueError: the time knows no zone, so that nobody can say which moment it is.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        """Give the zone back that SQLite forgets, and turn PostgreSQL's session zone to UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


channel_policies: Final = Table(
    "channel_policies",
    metadata,
    Column("channel_id", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""A channel's policy, with just the keys that somebody wrote; `position` keeps their order."""

websites: Final = Table(
    "websites",
    metadata,
    Column("website_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False),
    Column("name", String(75), nullable=False),
)
"""The names that people use for Enkapush's website ids."""
