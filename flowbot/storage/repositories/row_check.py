"""The search for rows that cannot be read."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, select

from flowbot.errors import UnreadableRowError
from flowbot.storage import tables
from flowbot.storage.repositories.change_rows import read_change, read_event, read_vote
from flowbot.storage.repositories.channels import read_sharing
from flowbot.storage.repositories.drafts import read_any_draft
from flowbot.storage.repositories.figures import read_figure_day, read_flow_day, read_website_day
from flowbot.storage.repositories.images import read_filename
from flowbot.storage.repositories.known_settings import read_settings
from flowbot.storage.repositories.messages import read_message
from flowbot.storage.repositories.observed_flows import read_flow, read_state
from flowbot.storage.repositories.reports import read_report
from flowbot.storage.repositories.scopes import read_absence, read_freeze, read_policy, read_website
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import keep_readable

READERS: Final[Mapping[Table, Callable[[Row[Any]], object]]] = {
    tables.channel_policies: read_policy,
    tables.websites: read_website,
    tables.freezes: read_freeze,
    tables.absences: read_absence,
    tables.channels: read_sharing,
    tables.changes: read_change,
    tables.votes: read_vote,
    tables.events: read_event,
    tables.messages: read_message,
    tables.drafts: read_any_draft,
    tables.known_settings: read_settings,
    tables.flow_figures: read_flow_day,
    tables.website_figures: read_website_day,
    tables.figure_days: read_figure_day,
    tables.images: read_filename,
    tables.watch: read_state,
    tables.observed_flows: read_flow,
    tables.reports: read_report,
}
_NEWEST: Final[Mapping[Table, ColumnElement[Any]]] = {
    tables.changes: tables.changes.c.changed_at,
    tables.votes: tables.votes.c.at,
    tables.events: tables.events.c.number,
    tables.drafts: tables.drafts.c.changed_at,
    tables.flow_figures: tables.flow_figures.c.day,
    tables.website_figures: tables.website_figures.c.day,
    tables.observed_flows: tables.observed_flows.c.flow_id,
    tables.reports: tables.reports.c.changed_at,
}
_PAGE: Final = 200


async def find_unreadable(database: Database, newest: int | None = None) -> tuple[UnreadableRowError, ...]:
    """Read the rows of every table, of long ones the `newest` only, and return those that cannot be read.

    Raises:
        DependencyError: the database did not answer.
    """
    async with database.read() as connection:
        for table, read in READERS.items():
            heavy = {tables.images.c.content}
            wanted = select(*(column for column in table.columns if column not in heavy))
            if newest is not None and table in _NEWEST:
                wanted = wanted.order_by(_NEWEST[table].desc()).limit(newest)
            async for page in (await connection.stream(wanted)).partitions(_PAGE):
                keep_readable(connection, page, read)
    return tuple(database.unreadable)
