"""`make bench`: with tiny numbers every section works from end to end and fills its table. No times are judged."""

from typing import Final

import pytest

from benchmarks.__main__ import Section, measured
from benchmarks.report import Goal

ROWS: Final = (
    *(f"{mode} | {what}" for mode in ("HTTP", "Socket Mode") for what in ("/flows list", "Next", "form submit") * 2),
    "300",
    "300",
    "MB",
    "bare aiohttp",
    "Bolt's defaults",
    "flowbot",
    "flowbot, new database",
    "SQLite | 1",
    "SQLite | 2",
    "PostgreSQL",
)
"""How the rows begin; those of acknowledgements and of catalogs stand in two tables."""


@pytest.mark.timeout(400)
async def test_every_section_fills_its_table() -> None:
    lines = (await measured(list(Section), quick=True)).splitlines()
    for row in ROWS:
        found = [line for line in lines if line.startswith(f"| {row} |")]
        assert len(found) >= ROWS.count(row), (row, lines)
    assert "## Notes" in lines


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal("quick", 2.0, 2, " ×"), "at most 2 × | 2 × | met"),
        (Goal("quick", 2.1, 2, " ×"), "at most 2 × | 2.1 × | **not met**"),
        (Goal("quick", 19.0, 20, " ×", at_least=True), "at least 20 × | 19 × | **not met**"),
        (Goal("quick", 1234.0, 20, " ×", at_least=True), "at least 20 × | 1,234 × | met"),
    ],
)
def test_a_goal_that_was_missed_says_so(goal: Goal, said: str) -> None:
    assert goal.row() == f"| quick | {said} |"
