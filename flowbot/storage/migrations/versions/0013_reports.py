"""Reports: what flowbot tells a team by itself. An older flowbot knows none, and tells nothing of them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_OPEN_FINDING = sa.text("kind = 'finding' AND state = 'open'")
_UNSHOWN = sa.text("shown_version < version")


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("token", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("shown_version", sa.Integer, nullable=False),
        sa.Column("flow_id", sa.BigInteger),
        sa.Column("website_id", sa.BigInteger),
        sa.Column("channel_id", sa.String(64)),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("token", name="uq_reports_token"),
    )
    op.create_index("ix_reports_flow_id_created_at", "reports", ["flow_id", "created_at"])
    op.create_index("ix_reports_website_id_created_at", "reports", ["website_id", "created_at"])
    op.create_index("ix_reports_unshown", "reports", ["created_at"], sqlite_where=_UNSHOWN, postgresql_where=_UNSHOWN)
    op.create_index(
        "uq_reports_open_finding",
        "reports",
        ["flow_id"],
        unique=True,
        sqlite_where=_OPEN_FINDING,
        postgresql_where=_OPEN_FINDING,
    )


def downgrade() -> None:
    op.drop_table("reports")
