"""The breaker: nothing is disabled on old figures."""

from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from flowbot.services.breaker import Breaker, BreakerReports
from flowbot.services.ports.readings import WatchRound

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("age", [timedelta(minutes=61), -timedelta(minutes=61)])
async def test_figures_of_over_an_hour_ago_or_of_a_wrong_clock_stop_nothing(age: timedelta) -> None:
    asked = Mock(spec=[])
    outcomes = BreakerReports(asked, asked, lambda: NOON + age)
    breaker = Breaker(outcomes, asked, asked, asked, asked, asked, asked)
    await breaker.after_round(WatchRound(1, NOON, None))
