"""The comparison of this machine's clock with the `Date` of an answer, and the form of the signing secret."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from flowbot.config import Settings
from flowbot.diagnostics.checks import check_secret
from flowbot.diagnostics.clocks import DatedAnswer, compare_clocks

DATE = "Sun, 29 Nov 2026 10:00:00 GMT"
MOMENT = datetime(2026, 11, 29, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "received", "passed", "detail"),
    [
        pytest.param(0.2, 0.4, True, "agrees with this machine's to within 1 s", id="in the same second"),
        pytest.param(4.0, 4.2, True, "agrees with this machine's to within 5 s", id="three seconds ahead, perhaps"),
        pytest.param(4.1, 4.3, False, "this machine's is 4 s ahead of it: ", id="more than three seconds ahead"),
        pytest.param(-3.2, -3.0, True, "agrees with this machine's to within 5 s", id="three seconds behind, perhaps"),
        pytest.param(-3.6, -3.1, False, "this machine's is 4 s behind it: ", id="more than three seconds behind"),
        pytest.param(-9.0, 0.5, True, "agrees with this machine's to within 10 s", id="a slow answer, dated late"),
        pytest.param(0.5, 9.0, True, "agrees with this machine's to within 9 s", id="a slow answer, dated early"),
        pytest.param(-86401.0, -86400.0, False, "this machine's is 86401 s behind it: ", id="a day behind"),
    ],
)
def test_only_a_difference_beyond_the_wait_and_the_second_counts(
    asked: float, received: float, passed: bool, detail: str
) -> None:
    asked_at, received_at = MOMENT + timedelta(seconds=asked), MOMENT + timedelta(seconds=received)
    found = compare_clocks("Slack", DatedAnswer(asked_at, received_at, DATE))
    assert (found.name, found.passed) == ("slack clock", passed)
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(
    "date", [None, "", "0", "Sun, 29 Nov 2026 10:00:00", "Mon, 01 Jan 0000 00:00:00 GMT", "\ud800"]
)
def test_a_date_that_cannot_be_read_is_not_known(date: str | None) -> None:
    found = compare_clocks("Enkapush", DatedAnswer(MOMENT, MOMENT, date))
    assert found.passed
    assert found.detail == "not known, Enkapush's answer has no Date that can be read"


@pytest.mark.parametrize("date", ["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_date_at_the_end_of_time_is_compared(date: str) -> None:
    assert not compare_clocks("Slack", DatedAnswer(MOMENT, MOMENT, date)).passed


@pytest.mark.parametrize(
    ("secret", "api", "passed"),
    [
        ("0123456789abcdef0123456789abcdef", "https://slack.com/api", True),
        ("abc", "https://slack.com/api", False),
        ("abc", "http://127.0.0.1:9/api", True),
    ],
)
async def test_slacks_own_signing_secret_has_its_form(secret: str, api: str, passed: bool) -> None:
    settings = Settings(_env_file=None, slack_signing_secret=SecretStr(secret), slack_api_url=api)
    assert (await check_secret(settings, "slack_signing_secret")).passed is passed
