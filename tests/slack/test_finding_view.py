"""The messages of findings: what each channel is told, and may see."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.change import ChangeKind
from flowbot.domain.finding_answers import find_strictest
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, ReportId, ReportToken, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.i18n.translator import Translators
from flowbot.sandbox.slack import text_of
from flowbot.slack.views.finding import FindingDetails, SummaryDetails, finding_message, summary_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.report import ReportAudience
from tests.services.test_flow_cache import new_flow

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
OFF = replace(new_flow(40), name="Winter sale", title="Zqxmark")
ON = replace(OFF, is_enabled=True)
EDITED = replace(OFF, title="Zqxmark too")
MOVED = replace(OFF, website_id=WebsiteId(2))
T = Translators(fixed="en", zone=ZoneInfo("UTC")).for_reader(None)


def new_policy(tell: str = "all", websites: Any = (1,)) -> ChannelPolicy:
    return ChannelPolicy.model_validate({"id": "C1", "websites": websites, "watch": {"tell": tell}})


def draw(finding: Finding, policies: Sequence[ChannelPolicy] = (new_policy(),), **audience: Any) -> Message | None:
    """Draw the message of a finding for a channel that was told nothing yet."""
    state = ReportState.OPEN if finding.closing is None else ReportState.CLOSED
    told = NewReport(ReportToken("t"), ReportKind.FINDING, finding, FlowId(40), WebsiteId(1), state=state)
    report = Report(ReportId("r"), told, 1, 0, NOW, NOW)
    given = {"is_told": False, "shows_content": True} | audience
    channel = ReportAudience(ChannelId("C1"), tuple(policies), {}, NOW, **given)
    return finding_message(FindingDetails(report, finding), channel, T)


def read(message: Message | None) -> str:
    return "" if message is None else text_of(list(message.blocks))


@pytest.mark.parametrize(
    ("before", "after", "said", "buttons"),
    [
        (None, OFF, "was created outside flowbot", ["Accept", "Revert"]),
        (ON, None, "was deleted outside flowbot", ["Accept", "Revert"]),
        (OFF, ON, "was enabled outside flowbot", ["Accept", "Revert", "Disable"]),
        (ON, OFF, "was disabled outside flowbot", ["Accept", "Revert"]),
        (OFF, EDITED, "Title: Zqxmark → Zqxmark too", ["Accept", "Revert"]),
        (ON, replace(EDITED, is_enabled=True), "was changed outside flowbot", ["Accept", "Revert", "Disable"]),
    ],
)
def test_a_finding_says_what_was_done_and_offers_what_can_be_done(
    before: Flow | None, after: Flow | None, said: str, buttons: list[str]
) -> None:
    message = draw(Finding(before, after))
    assert message is not None
    assert said in read(message)
    assert message.text.startswith("Flow #40 Winter sale was ")
    assert [each["text"]["text"] for each in message.blocks[-1]["elements"]] == buttons


@pytest.mark.parametrize(
    ("tell", "told"),
    [("all", [True, True, True, True]), ("live", [False, True, True, False]), ("none", [False] * 4)],
)
def test_a_channel_hears_of_what_its_policy_says(tell: str, told: list[bool]) -> None:
    found = [Finding(OFF, EDITED), Finding(OFF, ON), Finding(ON, OFF), Finding(None, OFF)]
    assert [draw(each, [new_policy(tell)]) is not None for each in found] == told
    # Another policy behind the channel may want more; and what was told is kept up to date.
    assert all(draw(each, [new_policy(tell), new_policy()]) for each in found)
    assert all(draw(each, [new_policy(tell)], is_told=True) for each in found)


@pytest.mark.parametrize(
    ("websites", "said"),
    [((1,), "was deleted"), ((2,), "was created"), ((1, 2), "was changed"), ("all", "was changed"), ((3,), "")],
)
def test_a_flow_that_was_moved_is_new_or_gone_to_who_sees_one_website(websites: Any, said: str) -> None:
    shown = read(draw(Finding(OFF, MOVED), [new_policy(websites=websites)]))
    assert bool(shown) is bool(said)
    assert said in shown


@pytest.mark.parametrize("finding", [Finding(OFF, EDITED), Finding(None, OFF), Finding(OFF, None), Finding(OFF, ON)])
def test_a_shared_channel_sees_no_push(finding: Finding) -> None:
    message = draw(finding, shows_content=False)
    assert message is not None
    assert "Zqxmark" not in read(message) + message.text
    assert ("Show" in read(message)) is (finding.after is not None)


def test_an_end_that_nobody_heard_of_the_beginning_of_is_not_told() -> None:
    ended = Finding(OFF, ON, closing=FindingClosing(FindingEnd.ACCEPTED, UserId("U1")))
    assert draw(ended) is None
    shown = draw(ended, is_told=True)
    assert shown is not None
    assert "Accepted by" in read(shown)
    assert shown.blocks[-1]["type"] != "actions"


@pytest.mark.parametrize(
    ("after", "how", "said"),
    [
        (ON, FindingEnd.REVERTED, "Reverted by"),
        (replace(EDITED, is_enabled=True), FindingEnd.REVERTED, "Disabled by"),
        (replace(EDITED, is_enabled=True), FindingEnd.DISABLED, "Disabled by"),
    ],
)
def test_an_enabling_that_was_undone_is_not_said_to_be_live(after: Flow, how: FindingEnd, said: str) -> None:
    ended = read(draw(Finding(OFF, after, closing=FindingClosing(how, UserId("U1"))), is_told=True))
    assert said in ended
    assert "🟢" not in ended


def test_a_summary_counts_what_its_channel_may_see_and_wants_to_hear() -> None:
    findings = [Finding(OFF, ON)] * 7 + [Finding(OFF, EDITED)] * 3 + [Finding(OFF, MOVED)] * 2
    report = Report(ReportId("r"), NewReport(ReportToken("t"), ReportKind.SUMMARY, findings[0]), 1, 0, NOW, NOW)

    def count(policy: ChannelPolicy) -> str:
        channel = ReportAudience(ChannelId("C1"), (policy,), {}, NOW, is_told=False, shows_content=True)
        message = summary_message(SummaryDetails(report, findings), channel, T)
        return "" if message is None else message.text.split()[0]

    policies = [new_policy(), new_policy("live"), new_policy(websites=(2,)), new_policy(websites=(3,))]
    assert [count(policy) for policy in policies] == ["12", "7", "2", ""]


def test_the_strictest_policy_gates_the_kind_or_asks_for_more() -> None:
    def policy(channel: str, **approval: Any) -> ChannelPolicy:
        return ChannelPolicy.model_validate({"id": channel, "websites": "all", "approval": approval})

    gating = policy("C1", required_for=["enable", "delete", "disable"])
    most, plain = policy("C2", quorum=3), policy("C3")
    assert find_strictest([plain, most, gating], ChangeKind.DISABLE) == gating
    assert find_strictest([plain, gating, most], ChangeKind.ENABLE) == most
    assert find_strictest([plain, policy("C4")], ChangeKind.ENABLE) == plain
    staged = policy("C5", stages=[["U1"], ["U2"], ["U3"], ["U4"]])
    assert find_strictest([most, staged], ChangeKind.ENABLE) == staged
    assert find_strictest([policy("C6", quorum=4), staged], ChangeKind.ENABLE) == staged
    for stricter in ({"quorum_over": {10: 2}}, {"stand_ins": False}, {"reason_required": True}):
        assert find_strictest([plain, policy("C7", **stricter)], ChangeKind.ENABLE) == policy("C7", **stricter)
    assert find_strictest([], ChangeKind.ENABLE) is None
