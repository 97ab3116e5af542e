"""What an engineer asks first, for Prometheus. One registry a process, handed to those who count."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

ACK_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.0)


class Metrics:
    """The counters, each with what it counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.acks = Histogram(
            "flowbot_ack_seconds",
            "Time from a request of Slack's to its acknowledgement",
            ["kind"],
            registry=self.registry,
            buckets=ACK_BUCKETS,
        )
        self.requests = Counter(
            "flowbot_requests_total",
            "Requests of people's, by how they ended",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.answers = Histogram(
            "flowbot_answer_seconds", "Time from a request to its answer", ["kind"], registry=self.registry
        )
        self.enkapush = Histogram(
            "flowbot_enkapush_seconds",
            "Calls of Enkapush's API, by what it answered (0: nothing)",
            ["method", "path", "status"],
            registry=self.registry,
        )
        self.in_hand = Gauge(
            "flowbot_work_in_hand", "Requests that were acknowledged and are not done", registry=self.registry
        )

    def enkapush_called(self, method: str, path: str, status: int | None, seconds: float) -> None:
        """Count a call of Enkapush's; `status` None where it did not answer."""
        self.enkapush.labels(method, path, str(status or 0)).observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
