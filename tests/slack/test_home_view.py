"""The look of the Home tab: any content fits Slack and stays inert."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.digest import Digest, FlowList, NamedFlow, WeekFigures
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, Totals, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.progress import ImageFault, Progress
from flowbot.errors import Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.services.inbox import RECENT_LIMIT, ChannelAccess, HomeOverview
from flowbot.services.request_details import RequestDetails
from flowbot.services.setup_findings import Finding
from flowbot.slack.views.home import WAITING_MAX, HomeContent, home_view, loading_view, notice_view
from flowbot.slack.views.sentences import sentence_message
from tests.storage.change_cases import waiting_request

WORKSPACE = build_demo_workspace()
LOCALES = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN, TR = LOCALES.for_reader("en-US"), LOCALES.for_reader("tr-TR")
NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
SHOP = WebsiteId(1)
CHANNEL = ChannelId("C0MARKETING")
WIDE = "\N{PARTY POPPER}مرحبا漢<!channel> *b* <@U0AYSE> https://evil.example ğ"
LONG = (WIDE * 100)[:3000]
TEXTS = st.one_of(st.text(max_size=40), st.sampled_from(["", " ", "\n", WIDE, LONG]))


def request_details(
    number: int = 1, state: ChangeState = ChangeState.PENDING, kind: ChangeKind = ChangeKind.EDIT, text: str = "Spring"
) -> RequestDetails:
    flow = Flow(
        SHOP,
        text,
        text,
        text,
        WaitTime(3, "days"),
        id=FlowId(number),
        is_enabled=True,
        url=text,
        button_1=FlowButton(text, text),
    )
    content = FlowContent.of(flow)
    other = replace(
        content, title=f"x{text}", description=f"x{text}", url=f"x{text}", button_1=FlowButton(f"x{text}", text)
    )
    wanted = (
        DesiredFlow(other, WriteOnlyFields("all", text, text, text), image="I1") if kind is ChangeKind.EDIT else None
    )
    asked = ChangeRequest(
        FormToken("t"), kind, UserId("U0EMMA"), CHANNEL, SHOP, flow.id, flow, wanted=wanted, reason=text
    )
    change = Change(
        ChangeId(f"c{number}"), asked, state, 3, NOW - timedelta(hours=2), NOW - timedelta(hours=1), rule=ApprovalRule()
    )
    return RequestDetails(change, (), {SHOP: text[:75] or "Shop"})


def channel_access(number: int = 1, name: str = "Shop") -> ChannelAccess:
    policy = ChannelPolicy(id=ChannelId(f"C0{number}"), websites="all")
    return ChannelAccess(policy.id, (Permission.VIEW, Permission.EDIT), (name,) * 40, policy)


def draw_home(t: Translator = EN, **parts: Any) -> dict[str, Any]:
    shown = {name: parts.pop(name, ()) for name in ("for_me", "by_me", "scheduled", "recent")}
    links, more, findings = parts.pop("links", {}), parts.pop("more", 0), parts.pop("findings", ())
    waiting = tuple(waiting_request(each.change) for each in (*shown["for_me"], *[request_details(90)] * more))
    overview = HomeOverview(for_me=waiting, by_me=(), recent=(), **({"channels": ()} | parts))
    return check_home(home_view(HomeContent(**shown, overview=overview, links=links, findings=findings), t, NOW))


def check_home(view: dict[str, Any]) -> dict[str, Any]:
    check_view(json.loads(json.dumps(view)), WORKSPACE, "home")
    return view


def text_of_view(view: dict[str, Any]) -> str:
    return json.dumps(view, ensure_ascii=False)


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_what_is_empty_is_left_out(t: Translator) -> None:
    heads = list_headers(draw_home(t))
    assert heads == [t("home.caught_up")]
    ended = (request_details(state=ChangeState.APPLIED),)
    heads = list_headers(draw_home(t, recent=ended, channels=(channel_access(),)))
    assert heads == [t("home.caught_up"), t("home.recent"), t("home.channels")]
    assert list_headers(draw_home(t, by_me=(request_details(),))) == [t("request.asked_by_me")]


def list_headers(view: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]


def test_what_needs_me_comes_first() -> None:
    ended = request_details(3, ChangeState.REJECTED)
    shown = draw_home(for_me=(request_details(),), by_me=(request_details(2),), recent=(ended,))
    assert list_headers(shown) == ["Needs your approval", "Your requests", "Last 7 days"]


def test_what_is_scheduled_says_from_when() -> None:
    details = request_details(4)
    start, end = NOW + timedelta(hours=2), NOW + timedelta(days=2)
    request = replace(details.change.request, not_before=start, ends_at=end)
    change = replace(details.change, request=request, progress=Progress(starts_at=start))
    waiting = replace(details, change=replace(change, state=ChangeState.SCHEDULED))
    shown = draw_home(scheduled=(waiting,), links={details.change.id: "https://team.slack.example/archives/C0/p1"})
    assert list_headers(shown) == [EN("home.caught_up"), "Scheduled"]
    dates = re.findall(r'"timestamp": (\d+)', text_of_view(shown))
    assert dates == [str(int(moment.timestamp())) for moment in (start, end)]


def test_what_waits_for_approval_says_when_it_starts_and_ends() -> None:
    details = request_details()
    start, end = NOW + timedelta(hours=2), NOW + timedelta(days=2)
    request = replace(details.change.request, not_before=start, ends_at=end)
    timed = replace(details, change=replace(details.change, request=request))
    for shown in (draw_home(for_me=(timed,)), draw_home(by_me=(timed,))):
        dates = re.findall(r'"timestamp": (\d+)', text_of_view(shown))
        assert {str(int(moment.timestamp())) for moment in (start, end)} <= set(dates)


def test_an_admin_sees_what_is_not_right_and_only_then() -> None:
    there = (channel_access(),)
    assert EN("home.setup") not in text_of_view(draw_home(channels=there))
    assert EN("home.needs_setup") in text_of_view(draw_home(needs_setup=True))
    for shown in (
        draw_home(channels=there, unapprovable=(CHANNEL,)),
        draw_home(channels=there, unescalated=(CHANNEL,)),
    ):
        assert list_headers(shown) == [EN("home.caught_up"), EN("home.setup"), EN("home.channels")]
        assert {"type": "channel", "channel_id": CHANNEL} in find_elements(shown)


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_an_admin_sees_which_checks_fail_but_not_what_they_say(t: Translator) -> None:
    found = [Finding(name, "of the machine's affairs") for name in ("slack scopes", "policy", "enkapush")]
    shown = draw_home(t, channels=(channel_access(),), findings=found)
    assert list_headers(shown) == [t("home.caught_up"), t("home.setup"), t("home.channels")]
    things = t.format_list([t("finding.slack_scopes"), t("finding.enkapush")])
    assert t("home.not_right_yet", things=things) in [each.get("text") for each in find_elements(shown)]
    assert "of the machine's affairs" not in text_of_view(shown)
    assert t("home.setup") not in text_of_view(draw_home(t, findings=found[1:2]))


def find_elements(view: dict[str, Any]) -> list[dict[str, Any]]:
    lines = [line for block in view["blocks"] if block["type"] == "rich_text" for line in block["elements"]]
    return [element for line in lines for element in line["elements"]]


def test_something_stands_there_at_once_or_instead() -> None:
    assert EN("home.loading") in text_of_view(check_home(loading_view(EN)))
    assert EN("denied.external") in text_of_view(check_home(notice_view(sentence_message(EN, Text("denied.external")))))


def test_what_an_edit_changes_and_enkapush_never_tells_is_shown_to_who_decides() -> None:
    asked = request_details()
    unchanged = replace(
        asked.change.request,
        wanted=DesiredFlow(FlowContent.of(flow_of(asked)), WriteOnlyFields(segment="all"), image="I1"),
    )
    shown = text_of_view(draw_home(for_me=(replace(asked, change=replace(asked.change, request=unchanged)),)))
    assert EN("request.changes") in shown
    assert EN("field.segment") in shown
    assert EN("request.new_picture") in shown


def flow_of(asked: RequestDetails) -> Flow:
    assert asked.change.request.before is not None
    return asked.change.request.before


def test_a_request_is_decided_or_opened_from_here() -> None:
    view = draw_home(for_me=(request_details(),), links={ChangeId("c1"): "https://lale.slack.com/archives/C0/p1"})
    (row,) = [block for block in view["blocks"] if block["type"] == "actions"]
    assert [each["text"]["text"] for each in row["elements"]] == ["Approve", "Reject", "Open"]
    heard = [each["accessibility_label"] for each in row["elements"]]
    assert heard == ["Approve: Edit #1 Spring", "Reject: Edit #1 Spring", "Open: Edit #1 Spring"]
    assert "https://lale.slack.com/archives/C0/p1" in text_of_view(view)


def test_an_edit_is_decided_on_with_its_changes_before_ones_eyes() -> None:
    view = text_of_view(draw_home(for_me=(request_details(),)))
    assert '"Title: "' in view
    assert "xSpring" in view


@pytest.mark.parametrize("kind", [ChangeKind.ENABLE, ChangeKind.DELETE])
def test_what_weighs_most_is_asked_once_more(kind: ChangeKind) -> None:
    (row,) = [
        block for block in draw_home(for_me=(request_details(kind=kind),))["blocks"] if block["type"] == "actions"
    ]
    assert "#1?" in row["elements"][0]["confirm"]["title"]["text"]


def test_a_picture_that_is_not_kept_is_said_where_a_delete_is_approved() -> None:
    asked = request_details(kind=ChangeKind.DELETE)
    lost = replace(asked, change=replace(asked.change, progress=Progress(image_fault=ImageFault.LOST)))
    assert "The picture can't be saved." in text_of_view(draw_home(for_me=(lost,)))
    assert "icture" not in text_of_view(draw_home(for_me=(asked,)))


def test_only_ones_own_request_can_be_withdrawn() -> None:
    assert "Withdraw:" not in text_of_view(draw_home(recent=(request_details(state=ChangeState.WITHDRAWN),)))
    assert "Withdraw:" in text_of_view(draw_home(by_me=(request_details(),)))


def test_where_slack_did_not_tell_the_groups_something_may_be_missing() -> None:
    assert EN("home.uncertain") in text_of_view(draw_home(is_certain=False))


def full_digest(text: str) -> Digest:
    """Return a digest that names as many flows as one can, each by this name."""
    flows = FlowList.of(NamedFlow(FlowId(number), text) for number in range(1, 10))
    figures, changed = WeekFigures(Totals(9, 8, 7, 6), 3), dict.fromkeys(ChangeKind, flows)
    return Digest(NOW.date(), NOW.date(), 9, figures, figures, changed, changed, flows, flows, known_days=30)


@given(text=TEXTS, t=st.sampled_from([EN, TR]))
def test_the_fullest_tab_with_any_text_fits(text: str, t: Translator) -> None:
    draw_home(
        t,
        for_me=[request_details(number, text=text) for number in range(1, WAITING_MAX + 1)],
        by_me=[request_details(number, text=text) for number in range(11, 11 + WAITING_MAX)],
        recent=[request_details(number, ChangeState.APPLIED, text=text) for number in range(31, 31 + RECENT_LIMIT)],
        more=3,
        channels=[channel_access(number, text[:75] or "Shop") for number in range(1, 40)],
        is_certain=False,
        unapprovable=(CHANNEL,) * 30,
        digests={ChannelId(f"C0{number}"): full_digest(text) for number in range(5)},
        refused_digests=(CHANNEL,) * 30,
        links={ChangeId(f"c{number}"): "https://lale.slack.com/archives/C0MARKETING/p1" for number in range(60)},
    )


def test_foreign_text_is_never_parsed() -> None:
    view = draw_home(
        for_me=(request_details(text=WIDE),),
        by_me=(request_details(2, text=WIDE),),
        channels=(channel_access(name=WIDE),),
    )
    assert "evil.example" in text_of_view(view)
    assert "mrkdwn" not in text_of_view(view)
