"""The counters of this process, for Prometheus. One registry a process, handed to whoever counts.

No label holds free text: names come from flowbot's own lists, and only so many of Slack's error codes are taken.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest

ACK_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.0)
MAX_ERROR_CODES: Final = 50
"""Further error codes of Slack are counted as `other`."""


class CountedCall(Protocol):
    """A call of an API. `status` is that of its answer, None where there was none."""

    @property
    def method(self) -> str: ...  # noqa: D102 - named by the class

    @property
    def status(self) -> int | None: ...  # noqa: D102 - as above


class Metrics:
    """The counters, each with a help text that operators read in `/metrics`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._codes: set[str] = set()
        self.ack_seconds = Histogram(
            "flowbot_ack_seconds",
            "Time from a Slack request to its acknowledgement",
            ["kind", "name"],
            registry=registry,
            buckets=ACK_BUCKETS,
        )
        self.requests = Counter(
            "flowbot_requests_total", "Requests from people, by outcome", ["kind", "name", "outcome"],
            registry=registry,
        )  # fmt: skip
        self.unsigned_requests = Counter(
            "flowbot_unsigned_requests_total",
            "Requests refused for their signature: missing, wrong or old",
            ["signature"],
            registry=registry,
        )
        self.malformed_requests = Counter(
            "flowbot_malformed_requests_total",
            "Requests that could not be read: unread, body, envelope, payload or unknown",
            ["kind"],
            registry=registry,
        )
        self.answer_seconds = Histogram(
            "flowbot_answer_seconds", "Time from a Slack request to its answer", ["kind", "name"], registry=registry
        )
        self.enkapush_seconds = Histogram(
            "flowbot_enkapush_seconds",
            "Enkapush API calls, by HTTP status (0: no answer)",
            ["method", "path", "status"],
            registry=registry,
        )
        self.slack_seconds = Histogram(
            "flowbot_slack_seconds",
            "Slack API calls including retries, by result: ok or the error code",
            ["method", "result"],
            registry=registry,
        )
        self.slack_throttled = Counter(
            "flowbot_slack_throttled_total",
            "Slack API calls answered with status 429 (rate limited)",
            ["method"],
            registry=registry,
        )
        self.slack_shortened = Counter(
            "flowbot_slack_shortened_total",
            "Messages that were shortened, by reason: length or Slack's error code",
            ["method", "reason"],
            registry=registry,
        )
        self.slack_odd_parts = Counter(
            "flowbot_slack_odd_parts_total",
            "Slack's answers about people with a part that cannot be read and was left out",
            ["part"],
            registry=registry,
        )
        self.work_in_hand = Gauge("flowbot_work_in_hand", "Requests acknowledged and not yet done", registry=registry)
        self.leases_taken_over = Counter(
            "flowbot_leases_taken_over_total",
            "Changes taken over from a process that left them unfinished",
            registry=registry,
        )
        self.recovery_rounds = Counter(
            "flowbot_recovery_rounds_total", "Recovery rounds, which look for unfinished work, by outcome", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.recovery_failures = Counter(
            "flowbot_recovery_failures_total",
            "Recovery steps that failed and will be retried",
            ["step"],
            registry=registry,
        )
        self.report_messages = Counter(
            "flowbot_report_messages_total",
            "Messages of what flowbot tells by itself: sent, refused by their channel, or failed and to be retried",
            ["kind", "result"],
            registry=registry,
        )
        self.watch_rounds = Counter(
            "flowbot_watch_rounds_total",
            "Readings of all flows for changes made outside, by outcome: done, failed, lost to another process, or "
            "not_followed by the breaker or the digest",
            ["outcome"],
            registry=registry,
        )
        self.watch_seconds = Summary(
            "flowbot_watch_seconds", "Readings of all flows for changes made outside", registry=registry
        )
        self.findings = Counter(
            "flowbot_findings_total", "Flows that were found to be changed outside flowbot", registry=registry
        )
        build = Gauge("flowbot_build_info", "The version of this flowbot, always 1", ["version"], registry=registry)
        build.labels(installed_version()).set(1)

    def count_enkapush_call(self, path: str, call: CountedCall, seconds: float) -> None:
        """Count an Enkapush API call to a path, by its template."""
        self.enkapush_seconds.labels(call.method, path, str(call.status or 0)).observe(seconds)

    def count_slack_call(self, method: str, result: str, seconds: float) -> None:
        """Count a Slack API call; `result` is `ok` or an error code."""
        if result not in self._codes:
            is_code = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}", result)
            if is_code and len(self._codes) < MAX_ERROR_CODES:
                self._codes.add(result)
            else:
                result = "other"
        self.slack_seconds.labels(method, result).observe(seconds)

    def count_slack_throttle(self, method: str) -> None:
        """Count an answer 429 from Slack, whether the call is retried or not."""
        self.slack_throttled.labels(method).inc()

    def count_odd_part(self, part: str) -> None:
        """Count an answer about people, a part of which was left out; `part` is a field's name."""
        self.slack_odd_parts.labels(part).inc()

    def count_shortened(self, method: str, reason: str) -> None:
        """Count a message that was shortened; `reason` is `length` or an error code."""
        self.slack_shortened.labels(method, reason).inc()

    def watch_connection(self, is_connected: Callable[[], bool]) -> None:
        """Add the gauge that says whether Socket Mode is connected."""
        connected = Gauge(
            "flowbot_socket_connected", "Whether Socket Mode is connected (1) or not (0)", registry=self.registry
        )
        connected.set_function(lambda: float(is_connected()))

    def watch_unreadable(self, count_unreadable: Callable[[], int]) -> None:
        """Add the gauge that counts the flows that could not be read."""
        unreadable = Gauge(
            "flowbot_unreadable_flows",
            "Flows that Enkapush listed last and that could not be read",
            registry=self.registry,
        )
        unreadable.set_function(count_unreadable)

    def render(self) -> bytes:
        """Return all counters in Prometheus' text format."""
        return generate_latest(self.registry)


@cache
def installed_version() -> str:
    """Return the installed version of flowbot, such as `0.1.0`."""
    return version("flowbot")
