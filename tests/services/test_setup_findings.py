"""Findings of the set-up: looked for in the background, once a minute at most."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from flowbot.services import setup_findings
from flowbot.services.setup_findings import INTERVAL_SECONDS, Finding, SetupFindings


class Checks:
    """Checks whose results a test sets."""

    def __init__(self) -> None:
        self.results: list[Finding] | Exception = []
        self.looks = 0
        self.seconds = 0.0

    async def read(self) -> Sequence[Finding]:
        self.looks += 1
        if isinstance(self.results, Exception):
            raise self.results
        return self.results


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
def findings(checks: Checks) -> SetupFindings:
    return SetupFindings(checks.read, lambda: checks.seconds)


async def test_it_looks_once_a_minute_and_tells_of_a_difference(checks: Checks, findings: SetupFindings) -> None:
    assert not await findings.refresh()
    checks.results = [Finding("enkapush", "does not answer")]
    assert not await findings.refresh()
    checks.seconds += INTERVAL_SECONDS
    assert await findings.refresh()
    assert findings.latest == (Finding("enkapush", "does not answer"),)
    checks.seconds += INTERVAL_SECONDS
    assert not await findings.refresh()
    assert checks.looks == 3


async def test_who_comes_while_it_looks_hears_of_what_it_finds() -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def look_slowly() -> Sequence[Finding]:
        begun.set()
        await goes_on.wait()
        return [Finding("database rows", "cannot be read")]

    findings = SetupFindings(look_slowly, lambda: 0.0)
    first = asyncio.create_task(findings.refresh())
    await begun.wait()
    second = asyncio.create_task(findings.refresh())
    await asyncio.sleep(0)
    goes_on.set()
    assert (await first, await second) == (True, True)


async def test_a_look_that_fails_or_hangs_leaves_what_was_found(
    checks: Checks, findings: SetupFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.results = [Finding("policy", "no channel has one")]
    await findings.refresh()
    checks.results, checks.seconds = RuntimeError(), INTERVAL_SECONDS
    with capture_logs() as logs:
        assert not await findings.refresh()
    assert [entry["event"] for entry in logs] == ["findings.not_checked"]

    async def hang() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(setup_findings, "LOOK_SECONDS", 0.01)
    findings = SetupFindings(hang, lambda: 0.0)
    assert not await findings.refresh()


async def test_a_stop_does_not_wait_for_a_look(checks: Checks, findings: SetupFindings) -> None:
    findings.start()
    await findings.close()
    assert checks.looks == 0


async def test_without_checks_nothing_is_found() -> None:
    findings = SetupFindings(None, lambda: 0.0)
    findings.start()
    assert not await findings.refresh()
    await findings.close()
