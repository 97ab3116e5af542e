"""The parts of a request that are shown besides the change itself."""

from datetime import UTC, datetime
from typing import Final

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.flow import FieldDifference, Flow, WaitTime
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.services.request_loader import diff_since_approved

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANNEL: Final = ChannelId("C1")


def enabling(title: str, website: int) -> Change:
    flow = Flow(
        WebsiteId(website),
        "Name",
        title,
        "Text",
        WaitTime(3, "days"),
        id=FlowId(7),
        is_enabled=False,
        url="https://a.example",
    )
    asked = ChangeRequest(
        FormToken(title), ChangeKind.ENABLE, UserId("U0EMMA"), CHANNEL, WebsiteId(website), flow.id, before=flow
    )
    return Change(ChangeId(title), asked, ChangeState.PENDING, 1, NOON, NOON)


@pytest.mark.parametrize(
    ("website", "told"),
    [(1, (FieldDifference("title", "Old", "New"),)), (2, None)],
    ids=["a website of the channel's", "a website that the channel does not see"],
)
def test_what_was_approved_before_is_told_of_the_channels_websites_alone(
    website: int, told: tuple[FieldDifference, ...] | None
) -> None:
    policy = ChannelPolicy(id=CHANNEL, websites=(WebsiteId(1),))
    assert diff_since_approved(enabling("New", 1), enabling("Old", website), policy) == told


def test_nothing_is_told_without_a_policy() -> None:
    assert diff_since_approved(enabling("New", 1), enabling("Old", 1), None) is None
