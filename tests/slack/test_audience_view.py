"""What a request says of its audience, in both languages."""

from dataclasses import replace
from typing import Any, Final

import pytest

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.flow import DesiredFlow, FlowContent, WriteOnlyFields
from flowbot.domain.progress import Progress
from flowbot.i18n.translator import Translator
from flowbot.sandbox.slack import text_of
from flowbot.services.flow_settings import FlowSettings
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit
from flowbot.slack.views.audience import audience_elements, raised_elements
from tests.slack.test_freeze_views import EN, TR
from tests.slack.test_request_views import FLOW, request_details

OVER: Final = ApprovalRule(quorum_over={10_000: 2})
NAMES: Final = {"4": "VIP"}


def details_of(
    segment: str | None, audience: int | None, *, rule: ApprovalRule = OVER, **progress: Any
) -> RequestDetails:
    wanted = DesiredFlow(FlowContent.of(FLOW), WriteOnlyFields(segment))
    change = {"progress": Progress(audience=audience, **progress)}
    details = request_details(rule=rule, change=change, asked={"wanted": wanted})
    return replace(details, settings=FlowSettings(segment_names=NAMES))


def read(details: RequestDetails, t: Translator) -> str:
    lines = (audience_elements(details, t), raised_elements(details, t))
    return text_of([block_kit.rich_paragraph(*line) for line in lines if line])


@pytest.mark.parametrize(
    ("details", "english", "turkish"),
    [
        (details_of("4", 12_340), "Audience: VIP, 12,340 subscribers", "Hedef kitle: VIP, 12.340 abone"),
        (details_of("4", 1), "Audience: VIP, 1 subscriber", "Hedef kitle: VIP, 1 abone"),
        (details_of("5", 2), "Audience: Segment 5, 2 subscribers", "Hedef kitle: Segment 5, 2 abone"),
        (details_of("all", None), "Audience: All subscribers", "Hedef kitle: Tüm aboneler"),
        (
            details_of(None, 12_340),
            "Segment not known: counts as all subscribers",
            "Segment bilinmiyor: tüm aboneler sayılıyor",
        ),
        (details_of(None, 12_340, rule=ApprovalRule()), "", ""),
        (
            details_of("4", None),
            "Audience: VIP (size not known, counts as all subscribers)",
            "Hedef kitle: VIP (büyüklüğü bilinmiyor, tüm aboneler sayılıyor)",
        ),
        (
            details_of("4", None, rule=ApprovalRule()),
            "Audience: VIP (size not known)",
            "Hedef kitle: VIP (büyüklüğü bilinmiyor)",
        ),
        (
            details_of("4", 12_340, quorums=(2,)),
            "Audience: VIP, 12,340 subscribers\nLarge audience: more approvals are needed.",
            "Hedef kitle: VIP, 12.340 abone\nHedef kitle büyük: daha çok onay gerekiyor.",
        ),
        (
            details_of("4", 12_340, quorums=(3,), has_grown=True),
            "Audience: VIP, 12,340 subscribers\nThe audience grew to 12,340 subscribers: 3 more approvals are needed.",
            "Hedef kitle: VIP, 12.340 abone\nHedef kitle 12.340 aboneye ulaştı: 3 onay daha gerekiyor.",
        ),
        (
            details_of("all", None, quorums=(1,), has_grown=True),
            "Audience: All subscribers\nThe audience now counts as all subscribers: 1 more approval is needed.",
            "Hedef kitle: Tüm aboneler\nHedef kitle artık tüm aboneler sayılıyor: 1 onay daha gerekiyor.",
        ),
    ],
)
def test_the_audience_is_said_in_both_languages(details: RequestDetails, english: str, turkish: str) -> None:
    assert (read(details, EN), read(details, TR)) == (english, turkish)


def test_in_a_shared_channel_the_number_stands_without_the_segment() -> None:
    shown = [read(details_of(segment, 5 if segment else None).without_content(), EN) for segment in ("4", None)]
    assert shown == ["Audience: 5 subscribers", "Segment not known: counts as all subscribers"]
