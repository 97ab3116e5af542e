"""Databases as older flowbots left them."""

from alembic import command
from alembic.config import Config

from flowbot.storage.engine import migration_engine
from flowbot.storage.migrations import SCRIPTS, run_alembic


def upgrade_to(url: str, revision: str) -> None:
    """Upgrade the database to `revision`; one that is newer is left alone."""
    engine = migration_engine(url)
    with engine.begin() as connection:
        run_alembic(connection, revision)
    engine.dispose()


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`, as an operator does who goes back to an older flowbot."""
    engine = migration_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()
