"""A stop: many live flows disabled at once, after a question, and what became of each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ReportId, UserId, WebsiteId

_PREFIX: Final = "stop"


@dataclass(frozen=True, slots=True)
class StoppedFlow:
    """A flow of a stop.

    Attributes:
        state: How its disable ended; None as long as it did not.
        outcome: What is said of that.
    """

    flow: FlowId
    name: str
    state: ChangeState | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The stop of all live flows of a website, or of a channel.

    Attributes:
        person: Who decided it, in `channel`, whose policy counts.
        website: None for all of the channel.
        skips_approval: Whether disabling needs approval there, which the person may skip.
        flows: The flows that were named and still live, each once.
    """

    person: UserId
    channel: ChannelId
    website: WebsiteId | None
    flows: tuple[StoppedFlow, ...]
    reason: str = ""
    skips_approval: bool = False

    @property
    def counts(self) -> Mapping[ChangeState | None, int]:
        """Count the flows by the state of their disable; under None those that are not done."""
        return Counter(each.state for each in self.flows)

    @property
    def left(self) -> tuple[FlowId, ...]:
        """Return the flows whose disable did not end."""
        return tuple(each.flow for each in self.flows if each.state is None)

    def with_end(self, flow: FlowId, state: ChangeState, outcome: Outcome | None) -> Self:
        """Return the stop with how the disable of one of its flows ended."""
        outcome = None if state is ChangeState.APPLIED else outcome
        flows = (replace(each, state=state, outcome=outcome) if each.flow == flow else each for each in self.flows)
        return replace(self, flows=tuple(flows))


def stop_flows(flows: Iterable[Flow]) -> tuple[StoppedFlow, ...]:
    """Return flows as those of a stop that begins."""
    return tuple(StoppedFlow(flow.id, flow.name) for flow in flows)


def disable_token(report: ReportId, flow: FlowId) -> FormToken:
    """Return the token of the disable of one flow by the stop of a report."""
    return FormToken(f"{_PREFIX}.{report}.{flow}")


def find_report(change: Change) -> ReportId | None:
    """Return the report of the stop that a disable is of; None where it is of none."""
    kind, _, rest = change.request.token.partition(".")
    return ReportId(rest.partition(".")[0]) if kind == _PREFIX and rest else None
