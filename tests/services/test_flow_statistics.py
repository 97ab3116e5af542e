"""Statistics: the best and the worst flows."""

import pytest

from flowbot.domain.flow import Flow, Totals, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.services.flow_statistics import RankedFlow, rank_flows


def ranked(number: int, clicked: int, *, displayed: int = 100, sent: int = 100) -> RankedFlow:
    flow = Flow(WebsiteId(1), "Sale", "Title", "Text", WaitTime(1, "days"), id=FlowId(number), is_enabled=True)
    return RankedFlow(flow, Totals(sent, displayed, clicked))


@pytest.mark.parametrize(
    ("why", "flows", "best", "worst"),
    [
        ("none", [], [], []),
        ("one is the best", [ranked(1, 5)], [1], []),
        ("no flow is both", [ranked(1, 5), ranked(2, 6), ranked(3, 4)], [2, 1], [3]),
        ("three each", [ranked(n, n) for n in range(1, 10)], [9, 8, 7], [1, 2, 3]),
        ("alike: more sent is better", [ranked(1, 5, sent=200), ranked(2, 5, sent=900)], [2], [1]),
        ("all alike", [ranked(1, 5), ranked(2, 5)], [2], [1]),
        ("never displayed", [ranked(1, 0, displayed=0), ranked(2, 5)], [2], []),
    ],
)
def test_the_best_and_the_worst(why: str, flows: list[RankedFlow], best: list[int], worst: list[int]) -> None:
    found = [[each.flow.id for each in part] for part in rank_flows(flows)]
    assert found == [best, worst], why
