"""The tables, and the ids of their rows."""

import secrets
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    text,
)

from flowbot.storage.column_types import Blob, Day, UtcDateTime

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

_OPEN_FLOW: Final = text(
    "flow_id IS NOT NULL AND state IN ('draft', 'pending', 'scheduled', 'applying') AND follows IS NULL"
    " AND parent IS NULL AND (kind <> 'disable' OR not_before IS NULL OR state = 'applying')"
)
_UNSHOWN: Final = text("shown_version < version")
_UNOBSERVED: Final = text("observed_at IS NULL AND sent_at IS NOT NULL")
_OPEN_FINDING: Final = text("kind = 'finding' AND state = 'open'")
_EVENT_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in a column of exactly the type INTEGER."""
_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without the characters that are taken for one another: 0 and o, 1, i and l."""
_ID_LENGTH: Final = 10


def _count_columns() -> tuple[Column[int], ...]:
    return tuple(Column(name, BigInteger, nullable=False) for name in ("sent", "displayed", "clicked", "closed"))


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

freezes: Final = Table(
    "freezes",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
)
"""A freeze of all channels or some, with just the keys that somebody wrote; `position` keeps their order."""

channels: Final = Table(
    "channels",
    metadata,
    Column("channel_id", String(64), primary_key=True),
    Column("is_shared", Boolean, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
)
"""What Slack last said of a channel: whether it is shared with another organisation."""

changes: Final = Table(
    "changes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token", String(128), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("flow_id", BigInteger),
    Column("website_id", BigInteger, nullable=False),
    Column("requester", String(64), nullable=False),
    Column("channel_id", String(64), nullable=False),
    Column("image_id", String(32), index=True),
    Column("asked", JSON, nullable=False),
    Column("rule", JSON(none_as_null=True)),
    Column("progress", JSON(none_as_null=True)),
    Column("kept_image_id", String(32), index=True),
    Column("outcome", JSON(none_as_null=True)),
    Column("newest_before", BigInteger),
    Column("sent_at", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("due_at", UtcDateTime),
    Column("lease_owner", String(128)),
    Column("lease_until", UtcDateTime),
    Column("shown_version", Integer, nullable=False),
    Column("message_channel", String(64)),
    Column("message_ts", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False, index=True),
    Column("follows", String(32)),
    Column("observed_at", UtcDateTime),
    Column("parent", String(32)),
    Index(None, "state", "due_at"),
    Index(None, "flow_id", "sent_at"),
    Index(None, "requester", "created_at"),
    Index(None, "sent_at"),
    Index("ix_changes_unobserved", "changed_at", sqlite_where=_UNOBSERVED, postgresql_where=_UNOBSERVED),
    Index("ix_changes_unshown", "changed_at", sqlite_where=_UNSHOWN, postgresql_where=_UNSHOWN),
    Index("uq_changes_open_flow", "flow_id", unique=True, sqlite_where=_OPEN_FLOW, postgresql_where=_OPEN_FLOW),
)
"""Every write to Enkapush. `asked` is the whole request; the columns beside it are searched by.

`progress` is NULL while there is none; `kept_image_id` is the image that it names. A flow has one open change at most,
besides disables that follow it or wait for their time, and edits whose `parent` it is. `observed_at` is NULL until the
watch counts it.
The states stand in the index as words: revisions are written once and for ever.
"""

votes: Final = Table(
    "votes",
    metadata,
    Column("change_id", String(32), ForeignKey("changes.id"), primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("vote", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("stage", Integer, nullable=False, server_default=text("0")),
    Column("right_of", String(64)),
    Index("uq_votes_right", "change_id", "right_of", unique=True),
)
"""Approvals and rejections of a change, of its round alone: one vote a person, and one by a person's right.

`right_of` is the absent approver in whose place `person` voted, or NULL.
"""

absences: Final = Table(
    "absences",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("document", JSON, nullable=False),
)
"""Who is away, until when, and who stands in for them, if anybody."""

events: Final = Table(
    "events",
    metadata,
    Column("number", _EVENT_NUMBER, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(64), nullable=False),
    Column("actor", String(64)),
    Column("channel_id", String(64)),
    Column("change_id", String(32)),
    Column("kind", String(16)),
    Column("flow_id", BigInteger, index=True),
    Column("website_id", BigInteger, index=True),
    Column("details", JSON, nullable=False),
    sqlite_autoincrement=True,
)
"""The audit trail. Rows are added, never changed and never deleted; a number is never given twice."""

messages: Final = Table(
    "messages",
    metadata,
    Column("subject", String(32), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("channel_id", String(64)),
    Column("ts", String(32)),
    Column("shown_version", Integer, nullable=False),
)
"""Messages beside a request's own; `recipient` is empty for everybody in a channel.

A row without `ts` is to be sent where `shown_version` is 0, else being sent or cut off.
"""

reports: Final = Table(
    "reports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token", String(128), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("shown_version", Integer, nullable=False),
    Column("flow_id", BigInteger),
    Column("website_id", BigInteger),
    Column("channel_id", String(64)),
    Column("document", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "flow_id", "created_at"),
    Index(None, "website_id", "created_at"),
    Index(None, "kind", "state"),
    Index("ix_reports_unshown", "created_at", sqlite_where=_UNSHOWN, postgresql_where=_UNSHOWN),
    Index(
        "uq_reports_open_finding", "flow_id", unique=True, sqlite_where=_OPEN_FINDING, postgresql_where=_OPEN_FINDING
    ),
)
"""What flowbot tells a team by itself. A flow has one open finding at most."""

drafts: Final = Table(
    "drafts",
    metadata,
    Column("token", String(128), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("channel_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("flow_id", BigInteger),
    Column("before", JSON(none_as_null=True)),
    Column("typed", JSON, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False, index=True),
    Index(None, "person", "channel_id", "kind", "flow_id"),
)
"""Typed and not saved, a row for each form; `typed` is empty where another form has taken it over."""

known_settings: Final = Table(
    "known_settings",
    metadata,
    Column("flow_id", BigInteger, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
)
"""What was set through flowbot of a flow's fields that cannot be read back. A deleted flow keeps it, to be restored."""

watch: Final = Table(
    "watch",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("lease_owner", String(128)),
    Column("lease_until", UtcDateTime),
    Column("read_at", UtcDateTime),
    Column("has_baseline", Boolean, nullable=False),
)
"""The lease of the watch, and its rounds: `version` counts them, `read_at` is when the last one began to read."""

observed_flows: Final = Table(
    "observed_flows",
    metadata,
    Column("flow_id", BigInteger, primary_key=True, autoincrement=False),
    Column("website_id", BigInteger, nullable=False),
    Column("content_key", String(32), nullable=False),
    Column("document", JSON, nullable=False),
    *_count_columns(),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("live_since", UtcDateTime),
    Column("base_sent", BigInteger, nullable=False),
    Column("base_displayed", BigInteger, nullable=False),
    Column("base_clicked", BigInteger, nullable=False),
    Column("base_closed", BigInteger, nullable=False),
    Column("tripped_at", UtcDateTime),
    Index(None, "website_id", "live_since"),
)
"""What the watch knows of each flow: the flow as it was when its content changed last, and its newest totals.

`live_since` is when a reading first showed it live, and the base its totals then, or when they shrank.
"""

flow_figures: Final = Table(
    "flow_figures",
    metadata,
    Column("day", Day, primary_key=True),
    Column("flow_id", BigInteger, primary_key=True, autoincrement=False),
    Column("website_id", BigInteger, nullable=False),
    *_count_columns(),
    Column("has_shrunk", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""What moved of a flow in a day, where anything did; the website is the one it had last that day."""

flow_weeks: Final = Table(
    "flow_weeks",
    metadata,
    Column("week", Day, primary_key=True),
    Column("flow_id", BigInteger, primary_key=True, autoincrement=False),
    Column("website_id", BigInteger, nullable=False),
    *_count_columns(),
    sqlite_with_rowid=False,
)
"""The sums of `flow_figures` by the Monday of the week, so that a quarter of a year is summed from few rows."""

website_figures: Final = Table(
    "website_figures",
    metadata,
    Column("day", Day, primary_key=True),
    Column("website_id", BigInteger, primary_key=True, autoincrement=False),
    *_count_columns(),
    Column("has_shrunk", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""What moved of a website's flows in a day."""

figure_days: Final = Table(
    "figure_days",
    metadata,
    Column("day", Day, primary_key=True),
    Column("read_at", UtcDateTime, nullable=False),
    Column("is_whole", Boolean, nullable=False),
)
"""The days with readings: the last one, and whether there was none too late. The newest day is not over."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
)
"""Handled requests of Slack's, for as long as somebody could replay one."""

images: Final = Table(
    "images",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("content", Blob, nullable=False),
    Column("content_type", String(128), nullable=False),
    Column("filename", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)
"""Images. The file name is JSON, because a foreign one may hold what PostgreSQL's text refuses."""


def new_id() -> str:
    """Return a random id that people can read out (49 bits); a unique key refuses a collision."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
