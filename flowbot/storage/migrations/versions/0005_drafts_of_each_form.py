"""A draft for each form: two windows of one person must not take each other's flow away."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NEW_FLOW = sa.text("flow_id IS NULL")


def upgrade() -> None:
    op.drop_index("uq_drafts_flow", "drafts")
    op.drop_index("uq_drafts_new_flow", "drafts")
    op.create_index("ix_drafts_person_channel_id_kind_flow_id", "drafts", ["person", "channel_id", "kind", "flow_id"])


def downgrade() -> None:
    # What is kept for a day only is not worth finding out which of two the older flowbot would have kept.
    op.execute("DELETE FROM drafts")
    op.drop_index("ix_drafts_person_channel_id_kind_flow_id", "drafts")
    op.create_index("uq_drafts_flow", "drafts", ["person", "channel_id", "kind", "flow_id"], unique=True)
    op.create_index(
        "uq_drafts_new_flow",
        "drafts",
        ["person", "channel_id", "kind"],
        unique=True,
        sqlite_where=_NEW_FLOW,
        postgresql_where=_NEW_FLOW,
    )
