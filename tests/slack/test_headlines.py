"""Headlines: the first block and `text` say the same, and no name in them turns into anything."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowbot.domain.change import WAITING_STATES, ChangeKind, ChangeState, Outcome
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import DesiredFlow, FlowButton, FlowContent
from flowbot.domain.ids import ChannelId, FlowId, GroupId, WebsiteId
from flowbot.domain.policy import Actor, ChannelPolicy, Permission, decide
from flowbot.domain.search import FlowQuery, Page
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.sandbox.slack import models
from flowbot.sandbox.slack.headlines import find_headline_fault
from flowbot.services.authorization import NoSuchFlowError, Permissions
from flowbot.services.flow_queries import FlowDetails, FlowList, ListRequest
from flowbot.services.history import Deletion, HistoryPage
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import CommandValue
from flowbot.slack.views import block_kit, flow_list, form_status, notices, policy, push, sentences
from flowbot.slack.views.approval_channel import ApprovalChannelContent, approval_channel_message
from flowbot.slack.views.approvals import ListedRequests, RequestList, approvals_message
from flowbot.slack.views.help import help_message
from flowbot.slack.views.history import deleted_message, history_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.request_message import request_message
from flowbot.slack.views.shortening import HEADLINE_MAX
from flowbot.slack.views.suggestion import suggestion_message
from tests.slack.test_request_views import (
    AYSE,
    BURAK,
    CHANNEL,
    EMMA,
    EN,
    FLOW,
    LEADS,
    NOW,
    SHOP,
    TR,
    WHY,
    WORKSPACE,
    request_details,
    skipped_details,
)

HOSTILE: Final = (
    "*b* _i_ ~s~ `c` ```d```", "<!channel> <@U0AYSE> <#C0RANDOM>", "@everyone @here @ayse", "#random and #12-team",
    ":tada: it is 10:30", "https://evil.example/a mailto:a@b.example www.evil.com evil.co/x", "> quoted\n> twice",
    "&lt;@U0AYSE&gt; &amp;", "<https://evil.example|Shop>", "\u2060*\u2060b\u2060*", "مرحبا *b*", "\0person\0 {flow}",
    "&" * 3000, "*a" * 1500, "\U0001f389" * 2000,
)  # fmt: skip
NAMES: Final = st.one_of(
    st.text(alphabet="*_~`@#:./<>&|!^-\n abU0\u2060\u200b", max_size=60), st.text(max_size=60), st.sampled_from(HOSTILE)
)
ACTIVE: Final = re.compile(r"(?<!\u2060)[*_~`@]|[*_~`@](?!\u2060)|(?<!\u2060)&gt;|:[\w+'-]+:|://")
"""What Slack would read as formatting, a mention, a quote, an emoji or an address."""
LINK: Final = "https://team.slack.example/archives/C0/p1"


def list_messages(name: str, state: ChangeState, kind: ChangeKind, t: Translator) -> Iterator[Message]:
    """Yield every message that flowbot sends, with `name` wherever text of other people may stand."""
    flow = replace(FLOW, name=name, title=name, description=name, button_1=FlowButton(name, name))
    outcome = Outcome("not_done.refused", {"said": name, "id": name, "name": name})
    asked = {"before": flow, "wanted": DesiredFlow(FlowContent.of(flow)), "reason": name}
    details = request_details(state, kind, asked=asked, change={"outcome": outcome}, approvers=(LEADS, BURAK))
    unnumbered = request_details(state, kind, asked={**asked, "flow": None}, rule=None, change={"outcome": None})
    people = People({EMMA: name, AYSE: name})
    for each in (details, unnumbered):
        yield request_message(each, t, NOW, people=people, mentions=True)
        yield notices.reminder_message(each, t, NOW, people)
        yield notices.request_sent_message(each, LINK, t, NOW)
        yield notices.request_open_message(each.change, LINK, t)
        yield form_status.failed_message(each.change, t, Text("not_done.refused", {"said": name}))
        if state in WHY:
            yield notices.request_ended_message(each, t, people, link=LINK, mentions=True)
        if state in WAITING_STATES:
            yield notices.put_off_message(each, t, people, link=LINK, mentions=True)
    skipped = skipped_details()
    request = replace(skipped.change.request, before=flow)
    yield notices.skipped_approval_message(replace(skipped, change=replace(skipped.change, request=request)), t, people)
    requests, none = RequestList([details], 1), RequestList([], 0)
    yield approvals_message(ListedRequests(requests, RequestList([unnumbered], 1), none), {}, t, NOW)
    yield approvals_message(ListedRequests(none, none, none), {}, t, NOW)
    yield approval_channel_message(ApprovalChannelContent([CHANNEL], requests, {}, FlowId(12), ["show"]), t, NOW)

    page = FlowDetails(replace(flow, id=FlowId(2**63 - 1)), {SHOP: name}, may_share=True, may_edit=True)
    query = FlowQuery((name,), website=SHOP)
    found = FlowList(
        ListRequest(query), Page((flow,), 1, 2, 11), {SHOP: name}, {SHOP: name}, may_share=True, may_edit=True
    )
    yield push.flow_details_message(page, t, NOW)
    yield push.shared_flow_message(page, EMMA, t, NOW)
    yield flow_list.flow_list_message(found, t, NOW)
    yield flow_list.shared_list_message(found, EMMA, t, NOW)
    for changes, number in (((details,), None), ((details,), FLOW.id), ((), FLOW.id)):
        yield history_message(HistoryPage(number, changes, 1, has_next=False), {}, t)
    yield suggestion_message(name, name, CommandValue(sent=name or "x"), t, is_help=False)
    yield deleted_message(Deletion(FLOW.id, NOW, EMMA), t)

    rules = ChannelPolicy(id=CHANNEL, websites=(1,), editors=(EMMA, LEADS))
    named = policy.Names({WebsiteId(1): name}, {LEADS: name}, {EMMA: name})
    for before in (None, rules.model_copy(update={"editors": ()})):
        yield policy.policy_changed_message(EMMA, before, rules, named, t)
    decisions = {each: decide(rules, Actor(EMMA), each) for each in Permission}
    rights = Permissions(decisions, rules, {WebsiteId(1): name})
    yield help_message(rights, {"help": None, "list": Permission.VIEW}, t)

    yield form_status.saved_message(FormKind.CREATE, flow, (), t, may_share=True)
    yield form_status.offer_message(ActionId.FLOW_CREATE, "", t)
    for text in (
        Text("not_done.refused", {"said": name}),
        Text("command.unknown", {"word": name}),
        Text("denied.only_edit", {"people": [EMMA, GroupId("S0LEADS"), ChannelId("C0RANDOM")]}),
        NoSuchFlowError(FLOW.id).text,
        Text("a key of another version"),
    ):
        if t.has_message(text.key):
            yield sentences.sentence_message(t, text)
        yield sentences.fault_message(t, text, "k7m2")


@given(NAMES, st.sampled_from(ChangeState), st.sampled_from(ChangeKind), st.sampled_from([EN, TR]))
@example("*a* <!here> evil.example :tada: > &", ChangeState.APPLIED, ChangeKind.ENABLE, EN)
@example("🎉" * 1000, ChangeState.PENDING, ChangeKind.CREATE, EN)
def test_every_message_carries_its_headline_twice_and_nothing_in_it_is_active(
    name: str, state: ChangeState, kind: ChangeKind, t: Translator
) -> None:
    for message in list_messages(name, state, kind, t):
        blocks = json.loads(json.dumps(message.blocks))
        sent = models.Message("1.1", CHANNEL, "U0FLOWBOT", message.text, blocks=blocks)
        assert find_headline_fault(sent, WORKSPACE) is None
        assert not ACTIVE.search(re.sub(r"<[@#!][A-Z0-9a-z^]+>|<!date[^>]+>", "", message.text))
        assert len(message.text.encode("utf-16-le")) // 2 <= 4000


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Flow #12 is live, 50% of it: now", "Flow #12 is live, 50% of it: now"),
        ("R&D <b>", "R&amp;D &lt;b\u2060&gt;\u2060"),
        ("a.b 1: c", "a\u2060.\u2060b 1: c"),
        ("#sale #12-a", "\u2060#\u2060sale \u2060#\u206012-a"),
    ],
)
def test_a_mark_is_broken_only_where_it_does_something(text: str, sent: str) -> None:
    assert Message((block_kit.header(text),)).text == sent


def test_a_long_headline_is_cut_in_its_text_and_never_within_an_entity() -> None:
    text = Message((block_kit.paragraph("&" * 3000),)).text
    assert text == "&amp;" * (HEADLINE_MAX - 1) + "…"
