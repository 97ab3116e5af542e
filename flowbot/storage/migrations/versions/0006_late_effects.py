"""Changes whose effect may show itself late: those that were called failed are looked for once more.

Before, a write that Enkapush had confirmed and that did not show itself at once was called failed.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_OPEN_FLOW = "flow_id IS NOT NULL AND state IN ('draft', 'pending', 'applying')"
_UNSEEN = {"not_done.ignored", "not_done.ignored_it", "not_done.looked"}
_SEARCH_TIME = timedelta(minutes=15)
_CHANGES = sa.table(
    "changes",
    sa.column("id", sa.String),
    sa.column("kind", sa.String),
    sa.column("state", sa.String),
    sa.column("version", sa.Integer),
    sa.column("flow_id", sa.BigInteger),
    sa.column("website_id", sa.BigInteger),
    sa.column("channel_id", sa.String),
    sa.column("outcome", sa.JSON(none_as_null=True)),
    sa.column("sent_at", sa.DateTime(timezone=True)),
    sa.column("due_at", sa.DateTime(timezone=True)),
    sa.column("changed_at", sa.DateTime(timezone=True)),
)
_EVENTS = sa.table(
    "events",
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("action", sa.String),
    sa.column("channel_id", sa.String),
    sa.column("change_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("flow_id", sa.BigInteger),
    sa.column("website_id", sa.BigInteger),
    sa.column("details", sa.JSON),
)


def upgrade() -> None:
    op.add_column("changes", sa.Column("follows", sa.String(32)))
    _index_open_flows(f"{_OPEN_FLOW} AND follows IS NULL")
    op.create_index("ix_changes_flow_id_sent_at", "changes", ["flow_id", "sent_at"])
    connection, now = op.get_bind(), datetime.now(UTC)
    is_recent = _CHANGES.c.sent_at > now - timedelta(days=1)
    is_failed = sa.and_(_CHANGES.c.state == "failed", is_recent)
    for row in connection.execute(sa.select(_CHANGES).where(is_failed)).all():
        if not isinstance(row.outcome, dict) or row.outcome.get("key") not in _UNSEEN:
            continue
        kind = "create" if row.kind == "restore" else row.kind
        outcome = {"key": f"unknown.{kind}", "params": {"id": str(row.flow_id or "")}, "flow": row.flow_id}
        unknown = sa.update(_CHANGES).where(_CHANGES.c.id == row.id)
        connection.execute(unknown.values(state="unknown", version=row.version + 1, outcome=outcome))
        connection.execute(
            sa.insert(_EVENTS).values(
                at=now,
                action="change.unknown",
                channel_id=row.channel_id,
                change_id=row.id,
                kind=row.kind,
                flow_id=row.flow_id,
                website_id=row.website_id,
                details={"outcome": outcome["key"], "state": "unknown"},
            )
        )
    # Looked for once, and then by whatever is read: what was asked before the upgrade holds nothing back.
    is_unknown = sa.and_(_CHANGES.c.state == "unknown", is_recent)
    connection.execute(sa.update(_CHANGES).where(is_unknown).values(due_at=now, changed_at=now - _SEARCH_TIME))


def downgrade() -> None:
    # To the older flowbot a disable that waits for another change would be a second open one.
    op.execute("UPDATE changes SET state = 'failed' WHERE follows IS NOT NULL AND state IN ('draft', 'applying')")
    op.drop_index("ix_changes_flow_id_sent_at", "changes")
    _index_open_flows(_OPEN_FLOW)
    op.drop_column("changes", "follows")


def _index_open_flows(condition: str) -> None:
    op.drop_index("uq_changes_open_flow", "changes")
    op.create_index(
        "uq_changes_open_flow",
        "changes",
        ["flow_id"],
        unique=True,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )
