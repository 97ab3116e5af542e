"""Alembic's entry, run by `migrations.run_alembic` inside a transaction that the caller opened and ends."""

from alembic import context

from flowbot.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    on_version_apply=context.config.attributes.get("on_version_apply"),
)
context.run_migrations()
