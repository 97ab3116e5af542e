"""An index by which open reports of a kind are found."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_reports_kind_state", "reports", ["kind", "state"])


def downgrade() -> None:
    op.drop_index("ix_reports_kind_state", "reports")
