"""Figures by day. An older flowbot knows none, and its readings count for none."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_COUNTS = ("sent", "displayed", "clicked", "closed")


def upgrade() -> None:
    for table, day, key in (
        ("flow_figures", "day", "flow_id"),
        ("flow_weeks", "week", "flow_id"),
        ("website_figures", "day", "website_id"),
    ):
        op.create_table(
            table,
            sa.Column(day, sa.Date, nullable=False),
            sa.Column(key, sa.BigInteger, autoincrement=False, nullable=False),
            *([sa.Column("website_id", sa.BigInteger, nullable=False)] if key == "flow_id" else []),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
            *([sa.Column("has_shrunk", sa.Boolean, nullable=False)] if day == "day" else []),
            sa.PrimaryKeyConstraint(day, key, name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "figure_days",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_figure_days"),
    )


def downgrade() -> None:
    for table in ("flow_figures", "flow_weeks", "website_figures", "figure_days"):
        op.drop_table(table)
