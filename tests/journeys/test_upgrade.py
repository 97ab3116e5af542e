"""Two versions of flowbot at one database: `migrate` by the new one, while the old one works."""

import shutil
from pathlib import Path

import pytest

from tests.journeys.request_steps import approval_policy, request_change, wait_for_status
from tests.journeys.test_cli import Environment, run, run_in_thread, serve_http
from tests.journeys.test_cli import environment as environment  # noqa: PLC0414 - a fixture
from tests.journeys.world import World, on_both_databases

ROOT = Path(__file__).parents[2]
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
def next_version(environment: Environment, tmp_path: Path) -> Environment:
    """Return the environment of the next version: the same code, with one more migration."""
    copy = tmp_path / "newer"
    # With what is compiled already, but for a file that another process is writing at this moment.
    shutil.copytree(ROOT / "flowbot", copy / "flowbot", ignore=shutil.ignore_patterns("*.pyc.*"))
    versions = copy / "flowbot" / "storage" / "migrations" / "versions"
    head = max(file.name[:4] for file in versions.glob("*.py"))
    (versions / "9000_later.py").write_text(LATER.format(head=head))
    return environment | {"PYTHONPATH": str(copy)}


@on_both_databases
async def test_an_old_process_goes_on_beside_a_new_one_after_the_migration(
    world: World, environment: Environment, next_version: Environment, tmp_path: Path
) -> None:
    await world.import_policy(approval_policy())
    async with serve_http(world, environment, tmp_path):
        asked_of_the_old = await request_change(world)
        assert (await run(next_version, tmp_path, "migrate"))[0] == 0
        decided_by_the_old = await request_change(world)
        await world.burak.click(decided_by_the_old, "Approve")
        await wait_for_status(world, decided_by_the_old, "Applied", timeout=60)
        async with serve_http(world, next_version, tmp_path):
            await world.burak.click(asked_of_the_old, "Approve")
            await wait_for_status(world, asked_of_the_old, "Applied", timeout=60)
            await wait_for_status(world, await request_change(world, "delete"), "Waiting", timeout=60)
    status, _, err = await run_in_thread(environment, tmp_path, "migrate")
    assert (status, "newer flowbot" in err) == (2, True)
