"""What Slack last said of channels: whether another organisation is in them. Until it says so, that counts as true."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("is_shared", sa.Boolean, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_channels"),
    )


def downgrade() -> None:
    op.drop_table("channels")
