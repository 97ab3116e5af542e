"""Hypothesis strategies: people, requests, policies and faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st

from flowbot.domain.approval_rule import ApprovalRule, Gate, NotifyMode
from flowbot.domain.flow import Flow, FlowButton, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, WatchRule, WatchTell
from tests.model.fake_directory import APPROVALS, AYSE, BURAK, CAN, CHANNEL, DENIZ, EVERYBODY, JONAS, LEADS
from tests.model.fake_enkapush import Storage, WriteFault
from tests.model.fake_slack import SlackFault
from tests.model.watch_invariants import LIMITS
from tests.model.world import World

PROCESSES = st.sampled_from([0, 1])
PEOPLE = st.sampled_from((AYSE, BURAK, CAN, *EVERYBODY))
NUMBERS = st.integers(0, 5)
CALL_COUNTS = st.integers(0, 20)
FLOWS = st.integers(1, 6).map(FlowId)
TITLES = st.sampled_from(["Hello", "Hurry up", " Soon "])
APPROVERS = st.sampled_from([("*",), (BURAK, CAN), (AYSE, BURAK), (BURAK,), (CAN,), ()])
RULES = st.builds(
    ApprovalRule,
    required_for=st.sampled_from([tuple(Gate), (Gate.ENABLE, Gate.DELETE), ApprovalRule().required_for]),
    quorum=st.sampled_from([1, 1, 2]),
    self_approval=st.booleans(),
    expires_after_hours=st.sampled_from([1, 72]),
    break_glass=st.sampled_from([(), (DENIZ,), (DENIZ, BURAK)]),
    channel=st.sampled_from([None, None, APPROVALS]),
    notify=st.sampled_from(NotifyMode),
    quorum_over=st.sampled_from([{}, {}, {10_000: 2}, {10_000: 2, 50_000: 3}]),
    escalate_after_hours=st.sampled_from([None, None, 1, 20]),
    escalate_to=st.sampled_from([(DENIZ,), (DENIZ, BURAK), ("*",)]),
)
POLICIES = st.builds(
    ChannelPolicy,
    id=st.just(CHANNEL),
    websites=st.sampled_from([(1,), (1, 2), "all", (2,)]),
    viewers=st.just(("*",)),
    editors=st.sampled_from([("*",), (AYSE, BURAK)]),
    approvers=APPROVERS,
    approval=RULES,
    watch=st.builds(WatchRule, tell=st.sampled_from(WatchTell)),
    breaker=st.sampled_from([None, LIMITS]),
)
ASKED_UNDER: Final = ChannelPolicy(
    id=CHANNEL,
    websites=(1,),
    viewers=("*",),
    editors=("*",),
    approvers=(AYSE, BURAK, CAN),
    approval=ApprovalRule(self_approval=True, break_glass=(DENIZ,)),
)
STRICTER: Final = (
    ASKED_UNDER.model_copy(update={"approval": ApprovalRule(quorum=2, self_approval=True)}),
    ASKED_UNDER.model_copy(update={"approval": ApprovalRule()}),
    ASKED_UNDER.model_copy(update={"approval": ApprovalRule(quorum_over={10_000: 2})}),
    ASKED_UNDER.model_copy(update={"approvers": (CAN,)}),
    ASKED_UNDER.model_copy(update={"websites": (2,)}),
)
"""Stricter versions of that policy, in force by the time of a vote."""
STAGES = st.sampled_from(
    [
        ((BURAK,), (CAN,)),
        ((BURAK, CAN), (CAN, DENIZ)),
        ((LEADS,), (DENIZ,)),
        ((AYSE, BURAK, CAN), ("*",)),
        ((BURAK,), (CAN,), (DENIZ,)),
        (),
        (),
    ]
)
TEAM_RULES = st.builds(
    ApprovalRule,
    stages=STAGES,
    quorum=st.sampled_from([1, 1, 2]),
    quorum_over=st.sampled_from([{}, {1000: 2}, {1000: 2, 50_000: 3}]),
    self_approval=st.booleans(),
    stand_ins=st.sampled_from([True, True, False]),
    escalate_after_hours=st.sampled_from([None, 1]),
    escalate_to=st.sampled_from([(DENIZ,), (DENIZ, JONAS), (LEADS,)]),
    break_glass=st.sampled_from([(), (DENIZ,)]),
    channel=st.sampled_from([None, None, APPROVALS]),
    notify=st.sampled_from(NotifyMode),
)


def _with_rule(approval: ApprovalRule) -> ChannelPolicy:
    """Return a policy with a rule, and with approvers where that names no stages."""
    approvers = () if approval.stages else (BURAK, CAN, DENIZ)
    update = {"approvers": approvers, "approval": approval}
    return ASKED_UNDER.model_copy(update=update)


TEAM_POLICIES = st.builds(_with_rule, TEAM_RULES)
"""Policies with stages, stand-ins, audiences and escalation."""
PAUSES = st.sampled_from(
    [
        timedelta(seconds=2),
        timedelta(seconds=30),
        timedelta(minutes=3),
        timedelta(minutes=16),
        timedelta(hours=1),
        timedelta(days=1),
    ]
)
DELAYS = st.sampled_from(
    [timedelta(seconds=2), timedelta(seconds=20), timedelta(minutes=10), timedelta(hours=3), timedelta(hours=23)]
)
"""How long after a write its late effect comes."""
STORAGES = st.sampled_from([Storage.AS_SENT, Storage.AS_SENT, *Storage])
EDITS: Final[Mapping[str, Callable[[Flow], Flow]]] = {
    "switch": lambda flow: replace(flow, is_enabled=not flow.is_enabled),
    "website": lambda flow: replace(flow, website_id=WebsiteId(3 - flow.website_id)),
    "picture": lambda flow: replace(flow, image_url=f"{flow.image_url}!"),
    "name": lambda flow: replace(flow, name=flow.name + "!"),
    "title": lambda flow: replace(flow, title=flow.title + "!"),
    "description": lambda flow: replace(flow, description=flow.description + "!"),
    "wait": lambda flow: replace(flow, wait=WaitTime(flow.wait.amount + 1, flow.wait.unit)),
    "url": lambda flow: replace(flow, url="https://elsewhere.example"),
    "ttl": lambda flow: replace(flow, ttl=900),
    "silent": lambda flow: replace(flow, is_silent=not flow.is_silent),
    "auto_hide": lambda flow: replace(flow, is_auto_hide=not flow.is_auto_hide),
    "button": lambda flow: replace(flow, button_2=FlowButton("Buy", "https://elsewhere.example")),
}
"""Edits of a flow in Enkapush itself, besides deleting it."""


@dataclass(frozen=True)
class FaultPlan:
    """Faults at Enkapush, at Slack, in the database and in a process."""

    writes: tuple[WriteFault | None, ...] = ()
    delay: timedelta = timedelta(seconds=20)
    storage: Storage = Storage.AS_SENT
    reads: tuple[bool, ...] = ()
    calls_until_database_fault: int | None = None
    calls_until_death: int | None = None
    sends_until_death: int | None = None
    dies_after: str | None = None
    slack: tuple[SlackFault | None, ...] = ()

    def inject(self, world: World, process: int) -> None:
        world.enkapush.clear_faults()
        world.enkapush.writes.extend(self.writes)
        world.enkapush.reads.extend(self.reads)
        world.slack.faults.clear()
        world.slack.faults.extend(self.slack)
        world.enkapush.delay, world.enkapush.storage = self.delay, self.storage
        life = world.processes[process].life
        life.calls_until_database_fault, life.calls_until_death = (
            self.calls_until_database_fault,
            self.calls_until_death,
        )
        life.sends_until_death, life.dies_after = self.sends_until_death, self.dies_after


LATE_OR_LOST = st.sampled_from([(), (), (WriteFault.UNANSWERED_LATE,), (WriteFault.UNANSWERED_NEVER,)])
WRITE_FAULTS = st.lists(st.none() | st.sampled_from(WriteFault), max_size=2).map(tuple)
SLACK_FAULTS = st.lists(st.none() | st.sampled_from(SlackFault), min_size=1, max_size=4).map(tuple)
SEND_FAULTS = st.one_of(
    st.just(FaultPlan()),
    st.builds(FaultPlan, sends_until_death=st.integers(0, 12)),
    st.builds(FaultPlan, slack=SLACK_FAULTS),
    st.builds(FaultPlan, calls_until_database_fault=st.integers(4, 50)),
    st.builds(FaultPlan, calls_until_death=st.integers(4, 70)),
)
"""Faults of what sends messages, and of the database and the process at that time."""
FAULT_PLANS = st.one_of(
    st.just(FaultPlan()),
    st.builds(FaultPlan, writes=WRITE_FAULTS, delay=DELAYS, storage=STORAGES),
    st.builds(
        FaultPlan,
        writes=st.sampled_from(
            [(WriteFault.UNANSWERED_LATE,), (WriteFault.UNANSWERED_NEVER,), (WriteFault.UNANSWERED,), ()]
        ),
        delay=DELAYS,
        reads=st.lists(st.booleans(), min_size=1, max_size=4).map(tuple),
    ),
    st.builds(FaultPlan, calls_until_death=st.integers(4, 30), writes=LATE_OR_LOST, delay=DELAYS),
    st.builds(FaultPlan, calls_until_database_fault=st.integers(0, 30), writes=LATE_OR_LOST, delay=DELAYS),
    SEND_FAULTS,
)
