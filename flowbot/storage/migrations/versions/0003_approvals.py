"""What is remembered of a change on its way, and what approvals search by."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("changes", sa.Column("progress", sa.JSON))
    op.add_column("changes", sa.Column("kept_image_id", sa.String(32)))
    op.drop_index("ix_changes_state", "changes")
    op.create_index("ix_changes_state_due_at", "changes", ["state", "due_at"])
    op.create_index("ix_changes_requester_created_at", "changes", ["requester", "created_at"])
    op.create_index("ix_changes_changed_at", "changes", ["changed_at"])
    op.create_index("ix_changes_kept_image_id", "changes", ["kept_image_id"])


def downgrade() -> None:
    for column in ("kept_image_id", "changed_at", "requester_created_at", "state_due_at"):
        op.drop_index(f"ix_changes_{column}", "changes")
    op.create_index("ix_changes_state", "changes", ["state"])
    op.drop_column("changes", "kept_image_id")
    op.drop_column("changes", "progress")
