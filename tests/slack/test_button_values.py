"""The values of buttons, as messages of today hold them."""

import pytest

from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, ReportId, WebsiteId
from flowbot.domain.search import SortOrder
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import (
    ButtonValue,
    ChangeValue,
    ChannelValue,
    CommandValue,
    FlowEntryValue,
    FlowValue,
    HistoryValue,
    ListValue,
    MessageValue,
    VersionValue,
    WindowValue,
    parse_value,
)

HERE = ChannelId("C0MARKETING")
CHANGE, TOKEN = ChangeId("a1"), FormToken("t1")
VALUES = (
    (ListValue(), "{}"),
    (
        ListValue(words=("sale",), is_enabled=False, website=WebsiteId(2), order=SortOrder.BEST, page=3),
        '{"w":["sale"],"e":false,"s":2,"o":"best","p":3}',
    ),
    (FlowValue(flow=FlowId(12)), '{"f":12}'),
    (FlowValue(flow=FlowId(12), channel=HERE), '{"f":12,"h":"C0MARKETING"}'),
    (HistoryValue(), "{}"),
    (HistoryValue(flow=FlowId(12), page=2), '{"f":12,"p":2}'),
    (VersionValue(change=CHANGE), '{"c":"a1"}'),
    (VersionValue(change=CHANGE, is_before=True), '{"c":"a1","b":true}'),
    (VersionValue(report=ReportId("r1"), is_before=True), '{"r":"r1","b":true}'),
    (CommandValue(sent="list"), '{"t":"list"}'),
    (FlowEntryValue(action=ActionId.FLOW_EDIT, flow=FlowId(12)), '{"a":"flows.edit","f":12}'),
    (MessageValue(token=TOKEN), '{"t":"t1"}'),
    (
        MessageValue(token=TOKEN, channel=HERE, is_cut=True, is_from_elsewhere=True),
        '{"t":"t1","h":"C0MARKETING","c":true,"e":true}',
    ),
    (WindowValue(channel=HERE), '{"h":"C0MARKETING"}'),
    (WindowValue(channel=HERE, page=2), '{"h":"C0MARKETING","p":2}'),
    (ChannelValue(channel=HERE), '{"h":"C0MARKETING"}'),
    (ChangeValue(change=CHANGE), '{"c":"a1"}'),
    (ChangeValue(change=CHANGE, is_unseen=True), '{"c":"a1","u":true}'),
)


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_is_written_in_short_and_read_back(value: ButtonValue, text: str) -> None:
    assert value.dump() == text
    assert parse_value(type(value), text) == value
