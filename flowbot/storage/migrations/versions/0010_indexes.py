"""Indexes for what is looked for often: versions that no message shows, and what was sent lately."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    unshown = sa.text("shown_version < version")
    op.create_index("ix_changes_unshown", "changes", ["changed_at"], sqlite_where=unshown, postgresql_where=unshown)
    op.create_index("ix_changes_sent_at", "changes", ["sent_at"])


def downgrade() -> None:
    op.drop_index("ix_changes_sent_at", "changes")
    op.drop_index("ix_changes_unshown", "changes")
