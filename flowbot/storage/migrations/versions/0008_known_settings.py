"""What was set through flowbot and cannot be read back; as far as the changes of before tell it.

Which change of the flow Enkapush dated last after each of them is not known.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_FIELDS = ("segment", "utm_source", "utm_medium", "utm_campaign")
_CHANGES = sa.table(
    "changes",
    sa.column("id", sa.String),
    sa.column("kind", sa.String),
    sa.column("state", sa.String),
    sa.column("flow_id", sa.BigInteger),
    sa.column("asked", sa.JSON),
    sa.column("outcome", sa.JSON(none_as_null=True)),
    sa.column("sent_at", sa.DateTime(timezone=True)),
    sa.column("changed_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    table = op.create_table(
        "known_settings",
        sa.Column("flow_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("flow_id", name="pk_known_settings"),
    )
    known: dict[int, dict[str, Any]] = {}
    is_setting = sa.and_(_CHANGES.c.state == "applied", _CHANGES.c.kind.in_(["create", "edit", "restore"]))
    sent_at = sa.func.coalesce(_CHANGES.c.sent_at, _CHANGES.c.changed_at)
    wanted = sa.select(_CHANGES).where(is_setting).order_by(sent_at, _CHANGES.c.id)
    for row in op.get_bind().execute(wanted.execution_options(yield_per=500)):
        flow = row.flow_id if row.kind == "edit" else (row.outcome or {}).get("flow")
        if flow is not None and (values := _sent_values(row)):
            known.setdefault(flow, {}).update(values)
    rows = [{"flow_id": flow, "document": dict.fromkeys(_FIELDS) | values} for flow, values in known.items()]
    if rows:
        op.bulk_insert(table, rows)


def _sent_values(row: Any) -> dict[str, Any]:
    """Return the values that a change has set, by field; a new flow without one was given none."""
    unread = ((row.asked or {}).get("wanted") or {}).get("unread") or {}
    set_at = row.sent_at or row.changed_at
    # SQLite's times have no zone, and are in UTC.
    moment = f"{set_at.isoformat()}{'' if set_at.tzinfo else '+00:00'}"
    values = {name: unread.get(name) for name in _FIELDS}
    if row.kind == "create":
        values = {name: value if name == "segment" else value or "" for name, value in values.items()}
    return {
        name: {"value": value, "set_at": moment, "change": row.id, "flow_changed_at": None}
        for name, value in values.items()
        if value is not None
    }


def downgrade() -> None:
    op.drop_table("known_settings")
