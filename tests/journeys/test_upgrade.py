"""Two versions of flowbot at one database: `migrate` by the new one, while the old one works."""

import shutil
from pathlib import Path

import pytest

from flowbot.storage.migrations import SCRIPTS, known_revisions
from tests.journeys.request_steps import approval_policy, request_change, wait_for_status
from tests.journeys.test_cli import Environment, run_in_thread, run_server, serve_http
from tests.journeys.test_cli import environment as environment  # noqa: PLC0414 - a fixture
from tests.journeys.world import World, on_both_databases

LATER = '''
"""What the next version adds."""

import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("changes", sa.Column("later", sa.JSON))
    op.create_index("ix_changes_channel_id", "changes", ["channel_id"])
    op.create_table("later", sa.Column("id", sa.String(32), primary_key=True))
'''


@pytest.fixture
def next_migrations(tmp_path: Path) -> Path:
    """Return the folder of the next version's migrations: those of this one, and one more."""
    folder = shutil.copytree(SCRIPTS, tmp_path / "newer", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9000_later.py").write_text(LATER.format(head=known_revisions()[0]))
    return folder


@on_both_databases
async def test_an_old_process_goes_on_beside_a_new_one_after_the_migration(
    world: World, environment: Environment, next_migrations: Path, tmp_path: Path
) -> None:
    await world.import_policy(approval_policy())
    async with serve_http(world, environment, tmp_path):
        asked_of_the_old = await request_change(world)
        async with run_server(environment, tmp_path, "migrate", migrations=next_migrations) as migration:
            assert await migration.wait_for_exit() == 0, migration.log
        decided_by_the_old = await request_change(world)
        await world.burak.click(decided_by_the_old, "Approve")
        await wait_for_status(world, decided_by_the_old, "Applied", timeout=60)
        async with serve_http(world, environment, tmp_path, migrations=next_migrations):
            await world.burak.click(asked_of_the_old, "Approve")
            await wait_for_status(world, asked_of_the_old, "Applied", timeout=60)
            await wait_for_status(world, await request_change(world, "delete"), "Waiting", timeout=60)
    status, _, err = await run_in_thread(environment, tmp_path, "migrate")
    assert (status, "newer flowbot" in err) == (2, True)
