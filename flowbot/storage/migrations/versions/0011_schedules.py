"""Changes that wait for a time; of a flow's open changes, disables that do so block no other."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_OPEN = "flow_id IS NOT NULL AND state IN ('draft', 'pending', 'applying') AND follows IS NULL"
_OPEN_OR_SCHEDULED = (
    "flow_id IS NOT NULL AND state IN ('draft', 'pending', 'scheduled', 'applying') AND follows IS NULL"
    " AND (kind <> 'disable' OR not_before IS NULL OR state = 'applying')"
)


def upgrade() -> None:
    op.add_column("changes", sa.Column("not_before", sa.DateTime(timezone=True)))
    _index_open_flows(_OPEN_OR_SCHEDULED)


def downgrade() -> None:
    # The older flowbot would start at once what waits for its time.
    op.execute(
        "UPDATE changes SET state = 'failed' WHERE state = 'scheduled'"
        " OR (not_before IS NOT NULL AND state IN ('draft', 'pending'))"
    )
    _index_open_flows(_OPEN)
    op.drop_column("changes", "not_before")


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
