"""Databases as older flowbots left them."""

from flowbot.storage.engine import migration_engine
from flowbot.storage.migrations import run_alembic


def upgrade_to(url: str, revision: str) -> None:
    """Upgrade the database to `revision`; one that is newer is left alone."""
    engine = migration_engine(url)
    with engine.begin() as connection:
        run_alembic(connection, revision)
    engine.dispose()
