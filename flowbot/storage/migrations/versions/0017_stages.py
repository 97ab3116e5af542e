"""Votes of stages and of stand-ins, edits that revise a waiting request, and absences."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_OPEN = (
    "flow_id IS NOT NULL AND state IN ('draft', 'pending', 'scheduled', 'applying') AND follows IS NULL"
    " AND (kind <> 'disable' OR not_before IS NULL OR state = 'applying')"
)
_OPEN_WITHOUT_PARENT = (
    "flow_id IS NOT NULL AND state IN ('draft', 'pending', 'scheduled', 'applying') AND follows IS NULL"
    " AND parent IS NULL AND (kind <> 'disable' OR not_before IS NULL OR state = 'applying')"
)


def upgrade() -> None:
    op.add_column("votes", sa.Column("stage", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("votes", sa.Column("right_of", sa.String(64)))
    op.create_index("uq_votes_right", "votes", ["change_id", "right_of"], unique=True)
    op.add_column("changes", sa.Column("parent", sa.String(32)))
    _index_open_flows(_OPEN_WITHOUT_PARENT)
    op.create_table(
        "absences",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_absences"),
    )


def downgrade() -> None:
    op.drop_table("absences")
    # The older flowbot would take such an edit for a request of its own, and any vote for its voter's.
    op.execute("UPDATE changes SET state = 'failed' WHERE parent IS NOT NULL AND state IN ('draft', 'applying')")
    op.execute("DELETE FROM votes WHERE right_of IS NOT NULL OR stage > 0")
    _index_open_flows(_OPEN)
    op.drop_column("changes", "parent")
    op.drop_index("uq_votes_right", "votes")
    op.drop_column("votes", "right_of")
    op.drop_column("votes", "stage")


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
