"""Messages beside a request's own: direct copies, notices, and what was mentioned."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("recipient", sa.String(64), nullable=False),
        sa.Column("channel_id", sa.String(64)),
        sa.Column("ts", sa.String(32)),
        sa.Column("shown_version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subject", "role", "recipient", name="pk_messages"),
    )


def downgrade() -> None:
    op.drop_table("messages")
