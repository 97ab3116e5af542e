"""The breaker: when a live flow's figures are out of bounds, and what became of disabling it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from flowbot.domain.change import OPEN_STATES, Change, ChangeState, Outcome
from flowbot.domain.flow import Totals
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ReportToken
from flowbot.domain.late_effects import is_sought
from flowbot.domain.policy import BreakerRule

FIGURES_MAX_AGE: Final = timedelta(hours=1)
"""On older figures no flow is disabled."""
MOST_ATTEMPTS: Final = 5
_PREFIX: Final = "breaker"


class Limit(StrEnum):
    """The limits of a breaker."""

    CLICK_RATE = "click_rate"
    CLOSE_RATE = "close_rate"


@dataclass(frozen=True, slots=True)
class Breach:
    """A rate that is beyond its limit: a click rate below it, or a close rate above it."""

    limit: Limit
    rate: float
    bound: float


class TripEnd(StrEnum):
    """The ways in which a trip ends."""

    DISABLED = "disabled"
    OFF = "off"
    """Somebody else disabled or deleted the flow, or its figures came back within the limits."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trip:
    """A flow that the breaker disables, once an enabling.

    Attributes:
        name: The flow's.
        live_since: When it was first seen live.
        read_at: When its figures were read.
        counted: Its totals since it was enabled, or since they shrank.
        channel: The channel whose rules it breaks.
        attempts: How many disables have failed.
        problem: Why the last one failed, or is not known to have worked.
    """

    name: str
    live_since: datetime
    read_at: datetime
    counted: Totals
    breaches: tuple[Breach, ...]
    channel: ChannelId
    attempts: int = 0
    problem: Outcome | None = None
    end: TripEnd | None = None

    def after(self, disable: Change) -> Self:
        """Return the trip after one of its disables has moved."""
        if disable.state is ChangeState.APPLIED:
            return replace(self, problem=None, end=TripEnd.DISABLED)
        if disable.state in OPEN_STATES or disable.request.token.rpartition(".")[2] != str(self.attempts):
            return self
        if disable.state is ChangeState.UNKNOWN:
            return replace(self, problem=disable.outcome)
        return self.failed(disable.outcome)

    def failed(self, problem: Outcome | None) -> Self:
        """Return the trip after one more attempt has failed; after the last one it ends."""
        attempts = self.attempts + 1
        return replace(
            self, attempts=attempts, problem=problem, end=TripEnd.FAILED if attempts >= MOST_ATTEMPTS else None
        )


def find_breaches(rule: BreakerRule, counted: Totals) -> tuple[Breach, ...]:
    """Find the limits that a flow breaks with what it did since it was enabled; a rate that is unknown breaks none."""
    if counted.sent < rule.min_sent:
        return ()
    clicks, closes = counted.click_rate, counted.close_rate
    breaches = []
    if rule.min_click_rate is not None and clicks is not None and clicks < rule.min_click_rate:
        breaches.append(Breach(Limit.CLICK_RATE, clicks, rule.min_click_rate))
    if rule.max_close_rate is not None and closes is not None and closes > rule.max_close_rate:
        breaches.append(Breach(Limit.CLOSE_RATE, closes, rule.max_close_rate))
    return tuple(breaches)


def may_try_again(disable: Change, now: datetime) -> bool:
    """Check whether a disable that did not show itself is given up, so that another may be sent."""
    return disable.state is ChangeState.UNKNOWN and not is_sought(disable, now)


def report_token(flow: FlowId, live_since: datetime) -> ReportToken:
    """Return the token of the report on a flow: one an enabling."""
    return ReportToken(f"{_PREFIX}.{flow}.{int(live_since.timestamp())}")


def disable_token(report: ReportToken, attempt: int) -> FormToken:
    """Return the token of one attempt to disable the flow of a report."""
    return FormToken(f"{report}.{attempt}")


def find_report_token(disable: Change) -> ReportToken:
    """Return the token of the report that a breaker's disable is of."""
    return ReportToken(disable.request.token.rpartition(".")[0])
