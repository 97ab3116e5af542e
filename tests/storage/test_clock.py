"""The clock of the database, with which processes on several machines must agree."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from flowbot.config import Settings
from flowbot.diagnostics import checks
from flowbot.storage.unit_of_work import Database


async def test_only_a_database_that_is_a_server_has_a_clock_of_its_own(database: Database, database_url: str) -> None:
    told = await database.clock()
    if database_url.startswith("sqlite"):
        assert told is None
    else:
        assert told is not None
        assert abs(told - datetime.now(UTC)) < timedelta(seconds=10)


@pytest.mark.parametrize(("ahead", "well"), [(0.0, True), (-5.0, False), (5.0, False)])
async def test_check_says_when_this_machines_clock_is_not_the_databases(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, ahead: float, well: bool
) -> None:
    monkeypatch.setattr(checks, "utc_now", lambda: datetime.now(UTC) + timedelta(seconds=ahead))
    settings = Settings(database_url=SecretStr(postgresql_url))
    (found,) = [finding async for finding in checks.run_checks(settings) if finding.name == "database"]
    assert found.passed is well
    assert ("its clock and this machine's are 5.0 s apart" in found.detail) is not well


async def test_with_sqlite_there_is_but_one_clock(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "utc_now", lambda: datetime.now(UTC) + timedelta(days=1))
    settings = Settings(database_url=SecretStr(sqlite_url))
    (found,) = [finding async for finding in checks.run_checks(settings) if finding.name == "database"]
    assert found.passed
