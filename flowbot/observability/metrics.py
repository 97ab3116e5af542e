"""What an engineer asks first, for Prometheus. One registry a process, handed to those who count.

No label holds free text: names come from flowbot's own lists, and a foreign code is taken only while there are few.
"""

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

ACK_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.0)


MAX_ERROR_CODES: Final = 50
"""More words than these of Slack's for what went wrong are counted as one."""


class Metrics:
    """The counters, each with what it counts."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._codes: set[str] = set()
        self.ack_seconds = Histogram(
            "flowbot_ack_seconds",
            "Time from a request of Slack's to its acknowledgement",
            ["kind", "name"],
            registry=registry,
            buckets=ACK_BUCKETS,
        )
        self.requests = Counter(
            "flowbot_requests_total", "Requests of people's, by how they ended", ["kind", "name", "outcome"],
            registry=registry,
        )  # fmt: skip
        self.answer_seconds = Histogram(
            "flowbot_answer_seconds", "Time from a request to its answer", ["kind", "name"], registry=registry
        )
        self.enkapush_seconds = Histogram(
            "flowbot_enkapush_seconds",
            "Calls of Enkapush's API, by what it answered (0: nothing)",
            ["method", "path", "status"],
            registry=registry,
        )
        self.slack_seconds = Histogram(
            "flowbot_slack_seconds",
            "Calls of Slack, with their repeats, by how they ended: ok, or in a word what went wrong",
            ["method", "result"],
            registry=registry,
        )
        self.slack_throttled = Counter(
            "flowbot_slack_throttled_total", "Answers of Slack's with status 429", ["method"], registry=registry
        )
        self.work_in_hand = Gauge(
            "flowbot_work_in_hand", "Requests that were acknowledged and are not done", registry=registry
        )
        self.leases_taken_over = Counter(
            "flowbot_leases_taken_over_total", "Changes that another process had left unfinished", registry=registry
        )
        self.recovery_rounds = Counter(
            "flowbot_recovery_rounds_total", "Looks for what was left over, by how they ended", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.recovery_failures = Counter(
            "flowbot_recovery_failures_total",
            "Steps of the recovery that failed and will be tried again",
            ["step"],
            registry=registry,
        )
        build = Gauge("flowbot_build_info", "Which flowbot this is", ["version"], registry=registry)
        build.labels(installed_version()).set(1)

    def count_enkapush_call(self, method: str, path: str, status: int | None, seconds: float) -> None:
        """Count a call of Enkapush's; `status` None where it did not answer."""
        self.enkapush_seconds.labels(method, path, str(status or 0)).observe(seconds)

    def count_slack_call(self, method: str, result: str, seconds: float) -> None:
        """Count a call of Slack's; `result` is `ok`, or what went wrong in a word."""
        self.slack_seconds.labels(method, self._bounded(result)).observe(seconds)

    def count_slack_throttle(self, method: str) -> None:
        """Count a 429 of Slack's, whether the call is repeated or not."""
        self.slack_throttled.labels(method).inc()

    def watch_connection(self, is_connected: Callable[[], bool]) -> None:
        """Show whether Socket Mode is connected."""
        connected = Gauge("flowbot_socket_connected", "Whether Socket Mode is connected", registry=self.registry)
        connected.set_function(lambda: float(is_connected()))

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def _bounded(self, code: str) -> str:
        if code in self._codes:
            return code
        if len(self._codes) >= MAX_ERROR_CODES or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,59}", code):
            return "other"
        self._codes.add(code)
        return code


def installed_version() -> str:
    """Which flowbot this is, such as `0.1.0`."""
    return version("flowbot")
