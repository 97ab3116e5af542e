"""Checking whether a channel's policy can work, and saving it: the rules behind `/flows setup`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowbot.domain.approval_rule import ApprovalRule, Principal
from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import SlackFaultError, UserError
from flowbot.services.flow_cache import FlowCache
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_fingerprint import policy_fingerprint
from flowbot.services.policy_setup import PolicyChangedError, PolicyRefusedError, PolicySetup
from flowbot.services.ports.enkapush import AllFlows
from flowbot.services.ports.slack import Organisation, UserGroup, UserProfile
from flowbot.services.users import Caller, CurrentUser, UserService
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.drafts import PolicyDraftRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.unit_of_work import Database
from tests.services.policy_steps import replace_policy

HERE, ELSEWHERE = TeamId("T0HERE"), TeamId("T0ELSEWHERE")
CHANNEL: Final = ChannelId("C0SHOP")
AYSE, BURAK, DENIZ, EMMA = (UserId(f"U0{name}") for name in ("AYSE", "BURAK", "DENIZ", "EMMA"))
JONAS, ROBOT, GONE, SILENT = (UserId(f"U0{name}") for name in ("JONAS", "ROBOT", "GONE", "SILENT"))
LEADS, EDITORS, MIXED, EMPTY = (GroupId(f"S0{name}") for name in ("LEADS", "EDITORS", "MIXED", "EMPTY"))
GROUPS: Final = {
    LEADS: UserGroup("Leads", frozenset({BURAK})),
    EDITORS: UserGroup("Editors", frozenset({AYSE, EMMA})),
    MIXED: UserGroup("Mixed", frozenset({BURAK, JONAS, ROBOT, GONE})),
    EMPTY: UserGroup("Empty", frozenset()),
}
LARGE: Final = UserGroup("Large", frozenset(UserId(f"U0N{number}") for number in range(500)))


def now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeDirectory:
    """A directory and user groups that tests write."""

    groups_: Mapping[GroupId, UserGroup] = field(default_factory=lambda: dict(GROUPS))
    groups_fail: bool = False
    is_silent: bool = False
    seconds: float = 0.0
    looked_up: set[UserId] = field(default_factory=set)

    async def get_organisation(self) -> Organisation:
        return Organisation(HERE, UserId("U0FLOWBOT"))

    async def get_profile(self, user: UserId) -> UserProfile:
        self.looked_up.add(user)
        if self.is_silent or user == SILENT:
            raise SlackFaultError("internal_error")
        return UserProfile(
            user=user, team=ELSEWHERE if user == JONAS else HERE, enterprise=None, locale="en-GB", timezone=None,
            is_admin=user == DENIZ, is_stranger=False, is_bot=user == ROBOT, is_deactivated=user == GONE,
            name=user.removeprefix("U0").title(),
        )  # fmt: skip

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        if self.groups_fail:
            raise SlackFaultError("internal_error")
        return self.groups_

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        raise AssertionError("nobody needs them")

    async def list_channels(self, user: UserId) -> frozenset[ChannelId]:
        raise AssertionError("nobody needs them")


class NoFlows:
    async def list_flows(self) -> AllFlows:
        return AllFlows([])

    async def get_flow(self, flow_id: int) -> None:
        return None


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture
def users(directory: FakeDirectory) -> UserService:
    return UserService(directory, frozenset(), monotonic=lambda: directory.seconds)


@pytest.fixture
def policies(database: Database) -> PolicyRepository:
    return PolicyRepository(database, now)


@pytest.fixture
def drafts(database: Database) -> PolicyDraftRepository:
    return PolicyDraftRepository(database)


@pytest.fixture
def store(database: Database) -> ChangeRepository:
    return ChangeRepository(database, now)


@pytest.fixture
def setup(
    directory: FakeDirectory, users: UserService, policies: PolicyRepository, drafts: PolicyDraftRepository
) -> PolicySetup:
    return PolicySetup(
        policies=policies,
        drafts=drafts,
        users=users,
        flow_cache=FlowCache(NoFlows(), clock=now),
        clock=now,
    )


@pytest.fixture
async def deniz(users: UserService) -> CurrentUser:
    return await users.identify(Caller(DENIZ, HERE))


def policy(**parts: Any) -> ChannelPolicy:
    given: dict[str, Any] = {"id": CHANNEL, "websites": (1,), "editors": (EDITORS,), "approvers": (LEADS,)}
    return ChannelPolicy.model_validate(given | parts)


def rule(**parts: Any) -> ApprovalRule:
    return ApprovalRule.model_validate(parts)


def staged(*stages: tuple[Principal, ...], **parts: Any) -> ChannelPolicy:
    """Return a policy whose approvals are given one stage after the other."""
    return policy(approvers=(), approval=rule(stages=stages, **parts))


async def list_problems(setup: PolicySetup, wanted: ChannelPolicy) -> dict[PolicyField, str]:
    """Return the problems by field; none where the policy is accepted."""
    try:
        await setup.require_workable(wanted)
    except PolicyRefusedError as refused:
        return {name: problem.key.removeprefix("setup.problem_") for name, problem in refused.problems.items()}
    return {}


WORKING: Final = [
    pytest.param({}, id="a group of approvers beside the editors"),
    pytest.param({"approvers": (BURAK, LEADS, DENIZ), "approval": rule(quorum=2)}, id="named twice counts once"),
    pytest.param({"approvers": (AYSE,), "editors": ("*",)}, id="one approver among all editors: the others can ask"),
    pytest.param({"approvers": (AYSE,), "editors": (EDITORS,)}, id="one approver who edits, beside another editor"),
    pytest.param(
        {"approvers": (AYSE,), "editors": (AYSE,), "approval": rule(self_approval=True)},
        id="one person who does both and may",
    ),
    pytest.param({"approvers": (AYSE,), "editors": ()}, id="nobody edits yet"),
    pytest.param({"approvers": (MIXED,), "editors": (AYSE,)}, id="one of a mixed group is enough for one approval"),
    pytest.param(
        {"approvers": (), "approval": rule(stages=((BURAK, DENIZ), (LEADS,)))},
        id="a stage that leaves somebody to the next",
    ),
    pytest.param(
        {"approvers": (), "approval": rule(stages=((BURAK,), ("*",), ("*",)))}, id="stages of everyone after one person"
    ),
    pytest.param(
        {"approvers": (BURAK, DENIZ), "approval": rule(quorum_over={10: 2})}, id="as many for an audience as there are"
    ),
    pytest.param(
        {"approval": rule(quorum=2, escalate_after_hours=71, escalate_to=(DENIZ,))},
        id="the second approval comes with the escalation",
    ),
]
REFUSED: Final = [
    pytest.param({"approval": rule(quorum=2)}, {PolicyField.QUORUM: "quorum"}, id="a group of one for two approvals"),
    pytest.param(
        {"approvers": (MIXED,), "approval": rule(quorum=2)},
        {PolicyField.QUORUM: "quorum"},
        id="strangers, bots and deactivated members of a group do not count",
    ),
    pytest.param({"approvers": (EMPTY,)}, {PolicyField.QUORUM: "quorum"}, id="a group without members"),
    pytest.param(
        {"approvers": (BURAK, LEADS), "approval": rule(quorum=2)},
        {PolicyField.QUORUM: "quorum"},
        id="the same person by name and by group",
    ),
    pytest.param(
        {"approvers": (AYSE,), "editors": (AYSE,)},
        {PolicyField.SELF_APPROVAL: "self_approval"},
        id="the only approver is the only editor",
    ),
    pytest.param(
        {"approvers": (AYSE, EMMA), "editors": (EDITORS,), "approval": rule(quorum=2)},
        {PolicyField.SELF_APPROVAL: "self_approval"},
        id="two editors who are the only two of two approvers",
    ),
    pytest.param(
        {"approvers": (AYSE,), "editors": (AYSE, MIXED, GroupId("S0EMPTY")), "approval": rule(quorum=1)},
        {},
        id="an active member of an editors' group can ask",
    ),
    pytest.param(
        {"approvers": (AYSE, GroupId("S0MIXED")), "editors": (AYSE, MIXED), "approval": rule(quorum=2)},
        {PolicyField.SELF_APPROVAL: "self_approval"},
        id="the two approvers are the editors, beside those who are gone",
    ),
    pytest.param(
        {"approvers": (), "approval": rule(stages=((AYSE, BURAK), (EMPTY,)))},
        {PolicyField.STAGES: "stage"},
        id="a stage that nobody fits",
    ),
    pytest.param(
        {"approvers": (), "approval": rule(stages=((BURAK, LEADS), (BURAK,)))},
        {PolicyField.STAGES: "stage"},
        id="the same person alone in two stages",
    ),
    pytest.param(
        {"approvers": (), "editors": (AYSE, BURAK), "approval": rule(stages=((AYSE, BURAK), (AYSE, BURAK)))},
        {PolicyField.SELF_APPROVAL: "self_approval"},
        id="two editors who are the only two of two stages",
    ),
    pytest.param(
        {"approvers": (), "approval": rule(stages=((ROBOT, BURAK), (DENIZ,)))},
        {PolicyField.STAGES: "bot"},
        id="a bot in a stage",
    ),
    pytest.param(
        {"approvers": (), "approval": rule(stages=((BURAK,), (GroupId("S0OLD"), DENIZ)))},
        {PolicyField.STAGES: "group"},
        id="a stage's group that is gone",
    ),
    pytest.param(
        {"approval": rule(escalate_to=(DENIZ,))},
        {PolicyField.ESCALATE_AFTER: "escalate_after"},
        id="an escalation without its time",
    ),
    pytest.param(
        {"approval": rule(escalate_after_hours=24)},
        {PolicyField.ESCALATE_PEOPLE: "escalate_to"},
        id="an escalation to nobody",
    ),
    pytest.param(
        {"approval": rule(escalate_after_hours=72, escalate_to=(DENIZ,))},
        {PolicyField.ESCALATE_AFTER: "escalate_late"},
        id="an escalation after the expiry",
    ),
    pytest.param(
        {"approval": rule(escalate_after_hours=24, escalate_to=(GONE,))},
        {PolicyField.ESCALATE_PEOPLE: "deactivated"},
        id="an escalation to somebody who left",
    ),
    pytest.param(
        {"approvers": (BURAK, DENIZ), "approval": rule(quorum_over={10: 2, 20: 3})},
        {PolicyField.QUORUM_OVER: "quorum_over"},
        id="more approvals for an audience than people",
    ),
    pytest.param(
        {"approval": rule(quorum_over={10: 2}, escalate_after_hours=1, escalate_to=(DENIZ,))},
        {PolicyField.QUORUM_OVER: "quorum_over"},
        id="as many for an audience only with those of the escalation",
    ),
    pytest.param({"viewers": (ROBOT,)}, {PolicyField.VIEWER_PEOPLE: "bot"}, id="a bot that views"),
    pytest.param({"viewers": (UserId("USLACKBOT"),)}, {PolicyField.VIEWER_PEOPLE: "bot"}, id="Slackbot"),
    pytest.param({"editors": (JONAS,)}, {PolicyField.EDITOR_PEOPLE: "external"}, id="a stranger who edits"),
    pytest.param(
        {"approvers": (GONE, BURAK)}, {PolicyField.APPROVER_PEOPLE: "deactivated"}, id="a deactivated approver"
    ),
    pytest.param(
        {"approvers": (SILENT,)}, {PolicyField.APPROVER_PEOPLE: "person_untold"}, id="somebody Slack is silent on"
    ),
    pytest.param(
        {"approval": rule(break_glass=(ROBOT,))}, {PolicyField.BREAK_GLASS: "bot"}, id="a bot that breaks the glass"
    ),
    pytest.param(
        {"viewers": (GroupId("S0OLD"),), "editors": (GroupId("S0OLDER"),)},
        {PolicyField.VIEWER_GROUPS: "group", PolicyField.EDITOR_GROUPS: "group"},
        id="groups that are gone",
    ),
]


@pytest.mark.parametrize("parts", WORKING)
async def test_a_policy_that_can_work_is_taken(setup: PolicySetup, parts: dict[str, Any]) -> None:
    assert await list_problems(setup, policy(**parts)) == {}


@pytest.mark.parametrize(("parts", "expected"), REFUSED)
async def test_a_policy_that_cannot_work_is_refused_at_its_field(
    setup: PolicySetup, parts: dict[str, Any], expected: dict[PolicyField, str]
) -> None:
    assert await list_problems(setup, policy(**parts)) == expected


async def test_everyone_reaches_any_quorum_and_nobody_is_looked_up(
    setup: PolicySetup, directory: FakeDirectory
) -> None:
    for approval in (rule(quorum=100), rule(quorum=1, self_approval=True)):
        assert await list_problems(setup, policy(approvers=("*",), editors=("*",), approval=approval)) == {}
    assert directory.looked_up == set()


async def test_of_a_large_group_no_more_people_are_looked_up_than_are_needed(
    setup: PolicySetup, directory: FakeDirectory
) -> None:
    directory.groups_ = {**GROUPS, LEADS: LARGE}
    assert await list_problems(setup, policy(approval=rule(quorum=3))) == {}
    assert len(directory.looked_up) == 3


async def test_a_large_group_is_not_asked_for_to_its_end_while_slack_tells_of_nobody(
    setup: PolicySetup, directory: FakeDirectory
) -> None:
    directory.groups_ = {**GROUPS, LEADS: LARGE}
    directory.is_silent = True
    assert await list_problems(setup, policy()) == {PolicyField.QUORUM: "untold"}
    assert len(directory.looked_up) < 30


async def test_members_of_whom_slack_does_not_tell_count_for_nobody(
    setup: PolicySetup, directory: FakeDirectory
) -> None:
    directory.groups_ = {**GROUPS, LEADS: UserGroup("Leads", frozenset({SILENT}))}
    assert await list_problems(setup, policy()) == {PolicyField.QUORUM: "untold"}


async def test_without_slacks_word_on_groups_none_can_be_chosen_but_people_can(
    setup: PolicySetup, directory: FakeDirectory
) -> None:
    directory.groups_fail = True
    refused = {PolicyField.EDITOR_GROUPS: "groups_untold", PolicyField.APPROVER_GROUPS: "groups_untold"}
    assert await list_problems(setup, policy()) == refused
    assert await list_problems(setup, policy(editors=(AYSE,), approvers=(BURAK,))) == {}


async def test_who_is_refused_is_named(setup: PolicySetup) -> None:
    with pytest.raises(PolicyRefusedError) as refused:
        await setup.require_workable(policy(viewers=(ROBOT, AYSE)))
    assert refused.value.problems[PolicyField.VIEWER_PEOPLE].params == {"people": ["Robot"]}


async def test_a_saved_policy_is_in_force_and_in_the_audit_trail(
    setup: PolicySetup, policies: PolicyRepository, store: ChangeRepository, deniz: CurrentUser
) -> None:
    first, second = policy(), policy(websites=(1, 2))
    assert (await setup.save(deniz, first, policy_fingerprint(None))).before is None
    saved = await setup.save(deniz, second, policy_fingerprint(first))
    assert (saved.before, saved.after, saved.is_new) == (first, second, True)
    assert (await policies.get_scope(CHANNEL)).policy == second
    events: list[AuditEvent] = [event async for event in store.all_events()]
    assert [(event.action, event.actor, event.channel) for event in events] == [("policy.changed", DENIZ, CHANNEL)] * 2
    assert events[0].details["before"] is None
    assert events[1].details["before"]["websites"] == [1]
    assert events[1].details["after"]["websites"] == [1, 2]


async def test_what_somebody_else_saved_meanwhile_is_not_overwritten(
    setup: PolicySetup, policies: PolicyRepository, deniz: CurrentUser
) -> None:
    shown, theirs = policy(), policy(websites="all")
    await replace_policy(policies, theirs)
    with pytest.raises(PolicyChangedError):
        await setup.save(deniz, policy(websites=(2,)), policy_fingerprint(shown))
    assert (await policies.get_scope(CHANNEL)).policy == theirs


async def test_saving_what_is_there_already_changes_nothing(
    setup: PolicySetup, policies: PolicyRepository, store: ChangeRepository, deniz: CurrentUser
) -> None:
    await replace_policy(policies, policy(editors=(AYSE, EDITORS), approval=rule(channel=CHANNEL)))
    saved = await setup.save(deniz, policy(editors=(EDITORS, AYSE)), "an older one")
    assert not saved.is_new
    assert [event async for event in store.all_events()] == []


async def test_rights_are_looked_at_again_when_it_is_saved(
    setup: PolicySetup, policies: PolicyRepository, deniz: CurrentUser
) -> None:
    demoted = replace(deniz, actor=replace(deniz.actor, is_admin=False))
    with pytest.raises(UserError, match=r"denied\.not_admin"):
        await setup.save(demoted, policy(), policy_fingerprint(None))
    assert (await policies.get_scope(CHANNEL)).policy is None


async def test_websites_without_a_name_go_by_their_number(setup: PolicySetup, policies: PolicyRepository) -> None:
    await replace_policy(policies, policy(websites=(7,)))
    assert (await setup.load_form(CHANNEL)).websites == {7: "7"}


async def test_a_stamp_tells_policies_apart_by_what_they_mean() -> None:
    assert policy_fingerprint(policy(viewers=(AYSE, EMMA))) == policy_fingerprint(policy(viewers=(EMMA, AYSE)))
    assert policy_fingerprint(policy(approval=rule(channel=CHANNEL))) == policy_fingerprint(policy())
    assert policy_fingerprint(policy(approval=rule(notify="mention"))) == policy_fingerprint(policy())
    legal, leads = (AYSE, BURAK), (LEADS,)
    assert policy_fingerprint(staged(legal, leads)) == policy_fingerprint(staged((BURAK, AYSE), leads))
    assert policy_fingerprint(policy(approval=rule(quorum_over={2: 3, 1: 2}))) == policy_fingerprint(
        policy(approval=rule(quorum_over={1: 2, 2: 3}))
    )
    stamps = {
        policy_fingerprint(each)
        for each in (
            None,
            policy(),
            policy(websites="all"),
            policy(viewers=("*",)),
            policy(approval=rule(quorum=2)),
            policy(approval=rule(channel=ChannelId("C0OTHER"))),
            policy(approval=rule(notify="dm")),
            policy(approval=rule(quorum_over={10000: 2})),
            policy(approval=rule(escalate_to=(LEADS,))),
            policy(approval=rule(stand_ins=False)),
            staged(legal, leads),
            staged(leads, legal),
        )
    }
    assert len(stamps) == 12


async def test_what_is_saved_is_judged_by_groups_of_the_last_three_seconds(
    setup: PolicySetup, directory: FakeDirectory
) -> None:
    await setup.require_workable(policy())
    directory.groups_ = {**GROUPS, LEADS: UserGroup("Leads", frozenset())}
    directory.seconds = 3.1
    with pytest.raises(PolicyRefusedError):
        await setup.require_workable(policy())
