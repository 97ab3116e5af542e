"""PostgreSQL's driver. Loaded only where the database is a PostgreSQL, since it takes 12 MB of memory."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo
from psycopg.types.datetime import TimestamptzLoader

from flowbot.storage.unreadable import UNREADABLE


def check_options(options: Mapping[str, str]) -> None:
    """Check the options of an address.

    Raises:
        ValueError: libpq knows no such option, or not with that value.
    """
    try:
        timeout_from_conninfo(conninfo_to_dict(make_conninfo("", **options)))
    except psycopg.ProgrammingError as error:
        raise ValueError(" ".join(str(error).split())) from None


class MomentLoader(TimestamptzLoader):
    """Loads `UNREADABLE` for infinity and the years that Python does not know."""

    def load(self, data: Buffer) -> Any:
        """Load a moment; `data` is its text."""
        try:
            return super().load(data)
        except psycopg.DataError:
            return UNREADABLE
