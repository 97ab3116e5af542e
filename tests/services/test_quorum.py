"""Who is looked up to see whether a quorum can be reached, and what Slack's silence means."""

from typing import Any

import pytest

from flowbot.domain.approval import count_missing_approvals
from flowbot.errors import SlackFaultError
from flowbot.services.quorum import QuorumChecker
from flowbot.services.users import UserService
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


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory({**GROUPS, MIXED: LARGE})


@pytest.fixture
def checker(directory: FakeDirectory) -> QuorumChecker:
    return QuorumChecker(UserService(directory, frozenset()))


@pytest.mark.parametrize(
    ("parts", "looked_up"),
    [
        pytest.param({"approvers": ("*", AYSE)}, 0, id="everyone"),
        pytest.param(
            {"approvers": (MIXED,), "approval": rule(quorum=3)}, 3, id="as many of a large group as are needed"
        ),
        pytest.param({"approvers": (AYSE, BURAK, MIXED)}, 1, id="the requester is not looked up"),
        pytest.param({"approvers": (ROBOT, GONE, BURAK, DENIZ)}, 3, id="until somebody can approve"),
        pytest.param({"approvers": (SILENT, MIXED)}, 1, id="Slack is away"),
        pytest.param({"approvers": (ROBOT, SILENT)}, 2, id="one of whom Slack does not tell"),
    ],
)
async def test_people_are_looked_up_until_the_quorum_is_reached(
    checker: QuorumChecker, directory: FakeDirectory, parts: dict[str, Any], looked_up: int
) -> None:
    assert await checker.find_gap(policy(**parts), AYSE) is None
    assert len(directory.looked_up) == looked_up


async def test_groups_that_slack_does_not_tell_refuse_nothing(
    directory: FakeDirectory, checker: QuorumChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise SlackFaultError("internal_error")

    monkeypatch.setattr(directory, "list_groups", fail)
    assert await checker.find_gap(policy(approvers=(LEADS,)), AYSE) is None
    assert await checker.find_gap(policy(approvers=(ROBOT,)), AYSE) is not None


async def test_who_may_skip_is_looked_up_only_where_nobody_can_approve(
    checker: QuorumChecker, directory: FakeDirectory
) -> None:
    skippable = rule(break_glass=(ROBOT, DENIZ, EMMA))
    assert await checker.find_gap(policy(approvers=(BURAK,), approval=skippable), AYSE) is None
    assert directory.looked_up == {BURAK}
    gap = await checker.find_gap(policy(approvers=(AYSE,), approval=skippable), AYSE)
    assert gap is not None
    assert gap.can_be_skipped
    assert directory.looked_up == {BURAK, ROBOT, DENIZ}


@pytest.mark.parametrize(
    ("quorum", "self_approval", "able", "missing"),
    [
        (1, False, (AYSE,), 1),
        (1, True, (AYSE,), 0),
        (1, False, (AYSE, BURAK), 0),
        (3, False, (AYSE, BURAK), 2),
        (3, True, (), 3),
    ],
)
def test_the_requester_counts_only_where_the_rule_lets_them(
    quorum: int, self_approval: bool, able: tuple[Any, ...], missing: int
) -> None:
    assert count_missing_approvals(rule(quorum=quorum, self_approval=self_approval), able, AYSE) == missing
