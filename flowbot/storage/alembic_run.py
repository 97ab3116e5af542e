"""Alembic at work; loaded where there is something to migrate."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from flowbot.storage.revisions import SCRIPTS


def alembic_config() -> Config:
    """Alembic's settings, from this package alone: there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config


def run(connection: Connection, revision: str = "head") -> None:
    """Bring a database to a revision, in the transaction that is open."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
