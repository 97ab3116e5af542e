"""Channel policies and the websites' names."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "channel_policies",
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_channel_policies"),
    )
    op.create_table(
        "websites",
        sa.Column("website_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String(75), nullable=False),
        sa.PrimaryKeyConstraint("website_id", name="pk_websites"),
    )


def downgrade() -> None:
    op.drop_table("websites")
    op.drop_table("channel_policies")
