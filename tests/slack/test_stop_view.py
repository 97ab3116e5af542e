"""The look of a stop: the question and the report fit Slack however many flows there are, and stay inert."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowbot.domain.change import ChangeState, Outcome
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.stop import Stop, StoppedFlow
from flowbot.i18n.translator import Translator
from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.services.stop import StopQuestion
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.report import ReportAudience
from flowbot.slack.views.stop import question_message, stop_message
from tests.services.test_flow_cache import new_flow
from tests.slack.test_home_view import EN, LONG, TR, WIDE, WORKSPACE

HERE = ChannelId("C0MARKETING")
EMMA = UserId("U0EMMA")
AUDIENCE = ReportAudience(
    HERE, (), {}, datetime(2026, 3, 1, tzinfo=UTC), is_told=False, shows_content=False, people=People({EMMA: WIDE})
)
REFUSED = Outcome("not_done.refused", {"id": "1", "said": "Wrong title"})


def draw(message: Message) -> str:
    blocks = json.loads(json.dumps(message.fitted().blocks))
    check_message(message.text, blocks, WORKSPACE)
    assert "mrkdwn" not in json.dumps(blocks)
    return json.dumps(blocks, ensure_ascii=False)


@pytest.mark.parametrize("t", [EN, TR])
@pytest.mark.parametrize("name", [WIDE, LONG])
@pytest.mark.parametrize("count", [1, 41, 600])
def test_any_number_of_flows_with_any_names_fits(t: Translator, name: str, count: int) -> None:
    flows = tuple(replace(new_flow(number), name=name, is_enabled=True) for number in range(1, count + 1))
    token, names = FormToken("t" * 22), {WebsiteId(1): name}
    for website in (None, WebsiteId(1)):
        question = StopQuestion(token, flows, website, names, name * 3, skips_approval=True)
        draw(question_message(question, HERE, t))
    for state in (None, *ChangeState):
        stopped = tuple(StoppedFlow(flow.id, flow.name, state, REFUSED) for flow in flows)
        stop = Stop(EMMA, HERE, WebsiteId(1), stopped, name * 3, skips_approval=True)
        draw(stop_message(stop, AUDIENCE, t))


def test_outsiders_read_nothing_of_what_enkapush_said() -> None:
    stop = Stop(EMMA, HERE, None, (StoppedFlow(FlowId(1), "Winter", ChangeState.FAILED, REFUSED),))
    assert "Wrong title" not in draw(stop_message(stop, AUDIENCE, EN))
    assert "Wrong title" in draw(stop_message(stop, replace(AUDIENCE, shows_content=True), EN))
