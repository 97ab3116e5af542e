"""Who is looked up to see whether a quorum can be reached, and what Slack's silence means."""

import itertools
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.ids import UserId
from flowbot.domain.quorum import find_shortage
from flowbot.errors import SlackFaultError
from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.translator import Translators
from flowbot.services.quorum import QuorumChecker
from flowbot.services.users import UserService
from tests.services.test_policy_setup import (
    AYSE,
    BURAK,
    CHANNEL,
    DENIZ,
    EMMA,
    EMPTY,
    GONE,
    GROUPS,
    JONAS,
    LARGE,
    LEADS,
    MIXED,
    ROBOT,
    SILENT,
    FakeDirectory,
    policy,
    rule,
    staged,
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


STAGED: Final = [
    pytest.param(((AYSE, BURAK), (BURAK,)), {}, "2: 1", id="who asks leaves one person for two stages"),
    pytest.param(((AYSE, BURAK), (BURAK,)), {"self_approval": True}, None, id="who asks counts in the first"),
    pytest.param(((BURAK,), (BURAK, DENIZ)), {}, None, id="the second stage has another"),
    pytest.param(((BURAK, DENIZ), (BURAK,)), {}, None, id="the first stage leaves its first person to the second"),
    pytest.param(((EMPTY,), (BURAK,)), {}, "1: 1", id="a group without members"),
    pytest.param(((BURAK,), (ROBOT, GONE, JONAS)), {}, "2: 1", id="nobody who fits"),
    pytest.param(((BURAK, DENIZ), (DENIZ, EMMA)), {"quorum": 2}, "2: 1", id="three people for two approvals in each"),
    pytest.param((("*",), (BURAK,), ("*",)), {"quorum": 1}, None, id="everyone takes nobody from a stage"),
    pytest.param((("*",), (AYSE,)), {}, "2: 1", id="beside everyone only who asks"),
    pytest.param(((BURAK,), (SILENT,)), {}, None, id="somebody of whom Slack does not tell"),
    pytest.param(((BURAK,), (BURAK,)), {"escalate_after_hours": 71, "escalate_to": (DENIZ,)}, None, id="escalated"),
    pytest.param(((BURAK,), (BURAK,)), {"escalate_after_hours": 72, "escalate_to": (DENIZ,)}, "2: 1", id="too late"),
    pytest.param(((BURAK,), (BURAK,)), {"escalate_to": (DENIZ,)}, "2: 1", id="never escalated"),
    pytest.param(((BURAK,), (BURAK,)), {"escalate_after_hours": 1, "escalate_to": ("*",)}, None, id="to everyone"),
]


@pytest.mark.parametrize(("stages", "parts", "missing"), STAGED)
async def test_each_stage_is_reached_by_people_of_its_own(
    checker: QuorumChecker, stages: tuple[Any, ...], parts: dict[str, Any], missing: str | None
) -> None:
    gap = await checker.find_gap(staged(*stages, **parts), AYSE)
    assert (None if gap is None else "{stage}: {n}".format_map(gap.text.params)) == missing
    assert gap is None or gap.text.key == "request.too_few_in_stage"


async def test_of_each_stage_no_more_people_are_looked_up_than_are_needed(
    checker: QuorumChecker, directory: FakeDirectory
) -> None:
    assert await checker.find_gap(staged((MIXED,), (BURAK, DENIZ), (DENIZ,)), AYSE) is None
    assert len(directory.looked_up) == 3


async def test_people_of_stages_that_would_not_help_are_not_looked_up(
    checker: QuorumChecker, directory: FakeDirectory
) -> None:
    assert await checker.find_gap(staged((MIXED,), (BURAK,), (BURAK, ROBOT)), AYSE) is not None
    assert len(directory.looked_up) == 3


PEOPLE: Final = st.sets(st.sampled_from([AYSE, BURAK, DENIZ, EMMA]))


@given(st.lists(st.none() | PEOPLE, min_size=1, max_size=3), st.integers(1, 2))
def test_a_shortage_is_found_where_no_choice_of_people_would_do(stages: list[set[Any] | None], quorum: int) -> None:
    def can_choose(number: int, taken: set[Any]) -> bool:
        """Try every choice of people, stage by stage."""
        if number == len(stages):
            return True
        if (people := stages[number]) is None:
            return can_choose(number + 1, taken)
        choices = itertools.combinations(people - taken, quorum)
        return any(can_choose(number + 1, taken | set(chosen)) for chosen in choices)

    shortage = find_shortage(stages, quorum)
    assert (shortage is None) == can_choose(0, set())
    if shortage is not None:
        # So many more people, who may approve in that stage alone, are what is missing.
        people = stages[shortage.stage]
        assert people is not None
        more = [UserId(f"U0MORE{number}") for number in range(shortage.missing)]
        widened = [*stages[: shortage.stage], people | set(more)]
        assert find_shortage(widened, quorum) is None
        assert find_shortage([*stages[: shortage.stage], people | set(more[1:])], quorum) is not None
        # More people in stages that are not related would change nothing.
        others = [None if number not in shortage.related else each for number, each in enumerate(stages)]
        assert find_shortage(others, quorum) is not None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "parts",
    [
        {"approvers": ()},
        {"approvers": (EMPTY,)},
        {"approvers": (AYSE,)},
        {"approvers": (GONE,)},
        {"approvers": (), "approval": rule(stages=((GONE,), (BURAK,)))},
    ],
)
async def test_a_gap_is_told_elsewhere_too(checker: QuorumChecker, parts: dict[str, Any], language: str) -> None:
    gap = await checker.find_gap(policy(**parts), AYSE)
    assert gap is not None
    text, t = gap.text_elsewhere(CHANNEL), Translators(fixed=language, zone=ZoneInfo("UTC")).for_reader(None)
    assert t(text.key, **text.params)
