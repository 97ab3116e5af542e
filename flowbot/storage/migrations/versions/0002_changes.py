"""Changes with their votes and events, drafts and images."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)
OPEN_FLOW = sa.text("flow_id IS NOT NULL AND state IN ('draft', 'pending', 'applying')")
NEW_FLOW = sa.text("flow_id IS NULL")


def upgrade() -> None:
    _changes()
    _votes()
    _events()
    _drafts()
    _images()


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("token", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("flow_id", sa.BigInteger),
        sa.Column("website_id", sa.BigInteger, nullable=False),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("image_id", sa.String(32)),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("rule", sa.JSON),
        sa.Column("outcome", sa.JSON),
        sa.Column("newest_before", sa.BigInteger),
        sa.Column("sent_at", MOMENT),
        sa.Column("due_at", MOMENT),
        sa.Column("lease_owner", sa.String(128)),
        sa.Column("lease_until", MOMENT),
        sa.Column("shown_version", sa.Integer, nullable=False),
        sa.Column("message_channel", sa.String(64)),
        sa.Column("message_ts", sa.String(32)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.UniqueConstraint("token", name="uq_changes_token"),
    )
    op.create_index("ix_changes_state", "changes", ["state"])
    op.create_index("ix_changes_image_id", "changes", ["image_id"])
    op.create_index(
        "uq_changes_open_flow", "changes", ["flow_id"], unique=True, sqlite_where=OPEN_FLOW, postgresql_where=OPEN_FLOW
    )


def _votes() -> None:
    op.create_table(
        "votes",
        sa.Column("change_id", sa.String(32), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("vote", sa.String(16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("change_id", "person", name="pk_votes"),
        sa.ForeignKeyConstraint(["change_id"], ["changes.id"], name="fk_votes_change_id"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64)),
        sa.Column("channel_id", sa.String(64)),
        sa.Column("change_id", sa.String(32)),
        sa.Column("kind", sa.String(16)),
        sa.Column("flow_id", sa.BigInteger),
        sa.Column("website_id", sa.BigInteger),
        sa.Column("details", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_flow_id", "events", ["flow_id"])
    op.create_index("ix_events_website_id", "events", ["website_id"])


def _drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("token", sa.String(128), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("flow_id", sa.BigInteger),
        sa.Column("before", sa.JSON),
        sa.Column("typed", sa.JSON, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_drafts"),
    )
    op.create_index("ix_drafts_changed_at", "drafts", ["changed_at"])
    place = ["person", "channel_id", "kind"]
    op.create_index("uq_drafts_flow", "drafts", [*place, "flow_id"], unique=True)
    op.create_index(
        "uq_drafts_new_flow", "drafts", place, unique=True, sqlite_where=NEW_FLOW, postgresql_where=NEW_FLOW
    )


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("content_type", sa.String(128), nullable=False),
        sa.Column("filename", sa.JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
    )
    op.create_index("ix_images_created_at", "images", ["created_at"])


def downgrade() -> None:
    for table in ("images", "drafts", "events", "votes", "changes"):
        op.drop_table(table)
