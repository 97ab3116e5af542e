"""Every message and view, in both languages: heard button by button, and read once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.flow import FlowContent
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.search import FlowQuery, Page
from flowbot.domain.versions import VersionRef
from flowbot.i18n.translator import Translator
from flowbot.sandbox.slack.readability import find_reading_faults
from flowbot.services.flow_queries import FlowList, ListRequest
from flowbot.services.history import HistoryPage
from flowbot.services.inbox import HomeOverview
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import flow_list, flow_window, home, policy
from flowbot.slack.views.approval_channel import ApprovalChannelContent, approval_channel_message
from flowbot.slack.views.approvals import ListedRequests, RequestList, approvals_message
from flowbot.slack.views.history import history_message
from tests.slack.test_headlines import list_messages
from tests.slack.test_home_view import request_details as request_of
from tests.slack.test_request_views import CHANNEL, EMMA, EN, FLOW, NOW, SHOP, TR
from tests.storage.change_cases import waiting_request

LANGUAGES: Final = pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
LINK: Final = "https://team.slack.example/archives/C0/p1"


@LANGUAGES
@pytest.mark.parametrize("state", ChangeState)
@pytest.mark.parametrize("kind", ChangeKind)
def test_every_message_reads_well(state: ChangeState, kind: ChangeKind, t: Translator) -> None:
    for message in list_messages("Winter sale", state, kind, t):
        assert list(find_reading_faults(message.blocks)) == []


def list_of_several(t: Translator) -> Iterator[list[dict[str, Any]]]:
    """Yield what shows several flows, requests or channels at once."""
    details = [request_of(number, kind=kind) for number, kind in enumerate(ChangeKind, 1)]
    mine = [replace_requester(each) for each in details]
    links = {each.change.id: LINK for each in (*details, *mine)}
    asked, own = RequestList(details, len(details)), RequestList(mine, len(mine))
    yield list(approvals_message(ListedRequests(asked, own, RequestList((), 0)), links, t, NOW).blocks)
    content = ApprovalChannelContent([CHANNEL], asked, links, FlowId(99), ["show"])
    yield list(approval_channel_message(content, t, NOW).blocks)
    for_me, by_me = (tuple(waiting_request(each.change) for each in part) for part in (details, mine))
    overview = HomeOverview(for_me, by_me, (), ())
    yield home.home_view(home.HomeContent(details, mine, details, overview, links), t, NOW)["blocks"]
    yield home.home_view(home.HomeContent((), (), (), HomeOverview((), (), (), ()), {}), t, NOW)["blocks"]

    flows = tuple(replace(FLOW, id=FlowId(number)) for number in range(1, 11))
    found = FlowList(ListRequest(FlowQuery()), Page(flows, 1, 2, 11), {SHOP: "Shop"}, {SHOP: "Shop"},
                     may_share=True, may_edit=True)  # fmt: skip
    yield list(flow_list.flow_list_message(found, t, NOW).blocks)
    yield list(flow_list.shared_list_message(found, EMMA, t, NOW).blocks)
    yield flow_window.list_window(found, CHANNEL, t, NOW)["blocks"]
    values = {ChannelId("C01"): "1", ChannelId("C02"): "2"}
    yield flow_window.channel_blocks(t("shortcut.which_for_list"), values, ActionId.WINDOW_CHANNEL, t)

    refs = [VersionRef(each.change.id, is_before) for each in details for is_before in (True, False)]
    versions = dict.fromkeys(refs, FlowContent.of(FLOW))
    yield list(
        history_message(HistoryPage(FLOW.id, tuple(details), 1, has_next=True, versions=versions), links, t).blocks
    )
    yield list(history_message(HistoryPage(None, tuple(details), 1, has_next=True), links, t).blocks)


def replace_requester(details: RequestDetails) -> RequestDetails:
    """Return the same request under another id."""
    change = replace(details.change, id=type(details.change.id)(f"own{details.change.id}"))
    return replace(details, change=replace(change, request=replace(change.request, flow=FlowId(99))))


@LANGUAGES
def test_what_shows_several_names_the_flow_of_each_button(t: Translator) -> None:
    for blocks in list_of_several(t):
        assert list(find_reading_faults(blocks)) == []


@LANGUAGES
def test_a_first_policy_is_told_without_what_it_leaves_out(t: Translator) -> None:
    rules = ChannelPolicy(id=CHANNEL, websites=(WebsiteId(1),))
    names = policy.Names({WebsiteId(1): "Shop"}, {}, {})
    first = policy.policy_changed_message(EMMA, None, rules, names, t)
    emptied = policy.policy_changed_message(EMMA, rules.model_copy(update={"viewers": (EMMA,)}), rules, names, t)
    for message in (first, emptied):
        assert list(find_reading_faults(message.blocks)) == []
    assert t("setup.viewers") not in str(first.blocks)
    assert t("setup.self_approval") not in str(first.blocks)
    assert t("request.removed") in str(emptied.blocks)
