"""How many approvals a request needs for its audience, by whom Slack tells who may approve."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

import pytest

from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.errors import SlackFaultError
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.slack import UserGroup
from flowbot.services.quorum import QuorumChecker
from flowbot.services.requirements import ApprovalRequirements
from flowbot.services.users import UserService
from tests.domain.test_approval import NOON
from tests.services.test_policy_setup import (
    AYSE,
    BURAK,
    DENIZ,
    EMMA,
    GONE,
    GROUPS,
    LARGE,
    LEADS,
    MIXED,
    ROBOT,
    SILENT,
    FakeDirectory,
    policy,
    rule,
)

OVER: Final = {"quorum_over": {10: 2, 50: 3}}


class SilentGroups(FakeDirectory):
    """A directory whose user groups Slack does not tell, with `error` where there is one."""

    error = ""

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        if self.error:
            raise SlackFaultError(self.error)
        return await super().list_groups()


@pytest.fixture
def directory() -> SilentGroups:
    return SilentGroups({**GROUPS, MIXED: LARGE})


@pytest.fixture
def requirements(directory: SilentGroups) -> ApprovalRequirements:
    nothing_else = cast("FlowSettingsLoader", None), cast("FlowSource", None)
    quorum = QuorumChecker(UserService(directory, frozenset()))
    return ApprovalRequirements(*nothing_else, quorum, cast("ChangeStore", None), lambda: NOON)


async def find(requirements: ApprovalRequirements, audience: int | None, **parts: Any) -> tuple[int, ...]:
    """Find what is needed for a request of Ayşe's."""
    is_final, votes = parts.pop("is_final", False), parts.pop("votes", ())
    today = policy(**{"approval": rule(**OVER), **parts})
    return await requirements.find_quorums(today, today.approval, AYSE, audience, votes, is_final=is_final)


@pytest.mark.parametrize(
    ("audience", "approvers", "quorums", "looked_up"),
    [
        pytest.param(9, (MIXED,), (), 0, id="nothing is raised"),
        pytest.param(10, (MIXED,), (2,), 2, id="as many of a large group as are needed"),
        pytest.param(None, (MIXED,), (3,), 3, id="all subscribers"),
        pytest.param(None, ("*", BURAK), (3,), 0, id="everyone in the channel"),
        pytest.param(None, (AYSE, BURAK, DENIZ), (2,), 2, id="the requester is none of them"),
        pytest.param(None, (BURAK,), (), 1, id="one person: nothing is raised"),
        pytest.param(None, (ROBOT, GONE, BURAK, DENIZ), (2,), 4, id="not who cannot approve"),
        pytest.param(None, (BURAK, SILENT, DENIZ), (3,), 3, id="one of whom Slack does not tell is no bound"),
    ],
)
async def test_people_are_looked_up_until_there_are_enough_of_them(
    requirements: ApprovalRequirements,
    directory: SilentGroups,
    audience: int | None,
    approvers: tuple[Any, ...],
    quorums: tuple[int, ...],
    looked_up: int,
) -> None:
    assert await find(requirements, audience, approvers=approvers) == quorums
    assert len(directory.looked_up) == looked_up


async def test_groups_that_slack_does_not_tell_are_no_bound_before_the_write(
    requirements: ApprovalRequirements, directory: SilentGroups
) -> None:
    directory.error = "internal_error"
    assert await find(requirements, None, approvers=(LEADS,)) == (3,)
    with pytest.raises(SlackFaultError):
        await find(requirements, None, approvers=(LEADS,), is_final=True)


async def test_a_person_of_whom_slack_does_not_tell_puts_the_write_off(requirements: ApprovalRequirements) -> None:
    with pytest.raises(SlackFaultError):
        await find(requirements, None, approvers=(BURAK, SILENT), is_final=True)
    # There are enough of them without that one.
    assert await find(requirements, 10, approvers=(BURAK, DENIZ, EMMA, SILENT), is_final=True) == (2,)


async def test_what_slack_never_tells_puts_nothing_off(
    requirements: ApprovalRequirements, directory: SilentGroups
) -> None:
    directory.error = "missing_scope"
    assert await find(requirements, None, approvers=(LEADS,), is_final=True) == (3,)


async def test_whoever_voted_is_looked_up_first(requirements: ApprovalRequirements, directory: SilentGroups) -> None:
    voter = max(LARGE.members)
    vote = Vote(voter, VoteChoice.APPROVE, NOON)
    assert await find(requirements, 10, approvers=(MIXED,), votes=(vote,)) == (2,)
    assert voter in directory.looked_up
    stand_in = replace(vote, person=UserId("U0STANDIN"), right_of=voter)
    assert await find(requirements, 10, approvers=(MIXED,), votes=(stand_in,)) == (2,)


async def test_nobody_counts_in_two_stages(requirements: ApprovalRequirements) -> None:
    staged = rule(stages=((BURAK, DENIZ), (BURAK, DENIZ, EMMA)), **OVER)
    assert sum(await find(requirements, 10, approvers=(), approval=staged)) == 3
