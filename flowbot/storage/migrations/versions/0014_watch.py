"""What the watch knows of all flows. What an older flowbot sends is not counted in that until a newer one reads."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_UNOBSERVED = sa.text("observed_at IS NULL AND sent_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("changes", sa.Column("observed_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_changes_unobserved", "changes", ["changed_at"], sqlite_where=_UNOBSERVED, postgresql_where=_UNOBSERVED
    )
    op.create_table(
        "watch",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("lease_owner", sa.String(128)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("has_baseline", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watch"),
    )
    op.create_table(
        "observed_flows",
        sa.Column("flow_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("website_id", sa.BigInteger, nullable=False),
        sa.Column("content_key", sa.String(32), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("displayed", sa.BigInteger, nullable=False),
        sa.Column("clicked", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("live_since", sa.DateTime(timezone=True)),
        sa.Column("base_sent", sa.BigInteger, nullable=False),
        sa.Column("base_displayed", sa.BigInteger, nullable=False),
        sa.Column("base_clicked", sa.BigInteger, nullable=False),
        sa.Column("base_closed", sa.BigInteger, nullable=False),
        sa.Column("tripped_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("flow_id", name="pk_observed_flows"),
    )
    op.create_index("ix_observed_flows_website_id_live_since", "observed_flows", ["website_id", "live_since"])


def downgrade() -> None:
    op.drop_table("observed_flows")
    op.drop_table("watch")
    op.drop_index("ix_changes_unobserved", "changes")
    op.drop_column("changes", "observed_at")
