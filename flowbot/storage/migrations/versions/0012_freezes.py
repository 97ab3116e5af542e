"""Freezes, of all channels or some. An older flowbot knows none, and holds nothing by them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "freezes",
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_freezes"),
    )


def downgrade() -> None:
    op.drop_table("freezes")
