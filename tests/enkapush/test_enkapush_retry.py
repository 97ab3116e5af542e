"""Retries of failed reads."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.enkapush.client import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    InvalidError,
    MalformedResponseError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    UnexpectedRedirectError,
)
from flowbot.enkapush.client.retry import parse_retry_after
from flowbot.enkapush.reader import PING_RETRY
from flowbot.observability.health import PROBE_TIMEOUT_SECONDS

POLICY = RetryPolicy(attempts=4, budget=25.0, base_delay=0.5, max_delay=8.0, max_retry_after=10.0)
PASSING = [ConnectError, ConnectionLostError, RequestTimeoutError, RateLimitedError, ServerError]
LASTING = [AuthError, InvalidError, MalformedResponseError, NotFoundError, UnexpectedRedirectError]


@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_is_tried_again(kind: type[EnkapushError]) -> None:
    assert POLICY.delay(kind("-"), attempt=1, elapsed=0.0) == 0.5


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_who_asks_for_a_sign_of_life_learns_what_is_wrong_before_they_give_up(
    kind: type[EnkapushError], jitter: float
) -> None:
    elapsed, attempt = 0.0, 1
    while (wait := PING_RETRY.delay(kind("-"), attempt, elapsed, jitter)) is not None:
        elapsed, attempt = elapsed + wait, attempt + 1
    assert attempt > 1
    assert elapsed < PING_RETRY.budget < PROBE_TIMEOUT_SECONDS


@pytest.mark.parametrize("kind", LASTING)
def test_what_will_not_pass_is_not_tried_again(kind: type[EnkapushError]) -> None:
    assert POLICY.delay(kind("-"), attempt=1, elapsed=0.0) is None


def test_waits_double_up_to_the_longest() -> None:
    patient = RetryPolicy(attempts=99, budget=999.0, base_delay=0.5, max_delay=8.0)
    waits = [patient.delay(ServerError("-"), attempt, 0.0) for attempt in range(1, 8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("asked", "waits", "because"),
    [
        (3.0, 3.0, "the server knows best"),
        (9999.0, 10.0, "but may not make a person wait for ever"),
        (0.0, 0.5, "nor make the client hammer it"),
        (None, 0.5, "and without its word the own wait counts"),
    ],
)
def test_retry_after_is_honoured_within_bounds(asked: float | None, waits: float, because: str) -> None:
    error = RateLimitedError("-", Exchange(retry_after=asked))
    assert POLICY.delay(error, attempt=1, elapsed=0.0) == waits, because


@given(
    kind=st.sampled_from(PASSING + LASTING),
    attempt=st.integers(1, 10),
    elapsed=st.floats(0, 100),
    jitter=st.floats(0, 1),
    asked=st.none() | st.floats(0, 1e9),
)
def test_no_wait_leaves_the_budget_or_the_number_of_tries(
    kind: type[EnkapushError], attempt: int, elapsed: float, jitter: float, asked: float | None
) -> None:
    wait = POLICY.delay(kind("-", Exchange(retry_after=asked)), attempt, elapsed, jitter)
    assert wait is None or (wait > 0 and elapsed + wait < POLICY.budget and attempt < POLICY.attempts)


NOW = dt.datetime(2026, 3, 1, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 1.5 ", 1.5),
        ("-4", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Sun, 99 Mar 99999 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds
