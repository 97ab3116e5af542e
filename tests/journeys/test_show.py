"""`/flows show`, help, Share, slips: what a person types and sees."""

from datetime import datetime

import pytest

from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.world import AGENCY, MARKETING, RANDOM, World

PICTURE = Image("picture.png", "image/png", b"\x89PNG\r\n\x1a\n")

HOSTILE = [
    "<!channel> <!here> <@U0AYSE> <#C0RANDOM> <!subteam^S0LEADS>",
    "@channel @here @everyone #random",
    "*bold* _italic_ ~strike~ `code` ```pre``` > quote",
    "<https://evil.example|our shop> https://evil.example www.evil.example evil.com",
    "& < > &amp; &lt;!channel&gt;",
    ":tada: :flag-tr: 🎉👨‍👩‍👧‍👦",
    "مرحبا بالعالم \N{RIGHT-TO-LEFT OVERRIDE}abc",
    "line one\nline two\r\n\ttab",
    "{placeholder} {0} %s %(n)d \\ \" '",
    "x" * 3000,
    "ğ" * 2999 + "😀",
]


async def test_one_flow_whole(running: World) -> None:
    running.enkapush.store.add_flow(
        website_id=1,
        name="Hoş geldin",
        title="Aramıza hoş geldin!",
        description="İlk alışverişine özel indirim.",
        url="https://lalemoda.example/ilk",
        wait_time=3,
        wait_time_type="hours",
        ttl=259_200,
        is_silent=True,
        is_enabled=True,
        button_title_1="Alışverişe başla",
        button_url_1="https://lalemoda.example/yeni",
        total_sent_push_notifications=10_000,
        total_displayed_push_notifications=8_000,
        total_clicked_push_notifications=400,
        total_closed_push_notifications=1_234,
        datetime=datetime(2026, 1, 3, 15, 4),  # noqa: DTZ001 - Enkapush's times are naive
    )
    await running.emma.send(MARKETING, "/flows show 1")
    seen = text_of(await running.emma.wait_for_message(MARKETING, "Hoş geldin"))
    for part in (
        "#1",
        "Lale Moda",
        "Enabled",
        "Aramıza hoş geldin!",
        "İlk alışverişine özel indirim.",
        "3 hours after subscribing",
        "Segment: Not shown by Enkapush",
        "UTM values: Not shown by Enkapush",
        "Time to live: 3 days",
        "Silent: Yes",
        "https://lalemoda.example/ilk",
        "Alışverişe başla → https://lalemoda.example/yeni",
        "Sent 10,000 · Displayed 8,000 (80.0%) · Clicked 400 (5.0%) · Closed 1,234 (15.4%)",
        "Created: 3 Jan 2026 12:04",
    ):
        assert part in seen, part
    assert not any(empty in seen for empty in ("Auto-hide", "Button 2", "Last sent", "–"))


async def test_a_turkish_reader_gets_turkish_forms(http: World) -> None:
    http.enkapush.store.add_flow(
        website_id=1,
        name="A",
        title="B",
        description="C",
        wait_time=1,
        wait_time_type="days",
        total_sent_push_notifications=10_000,
        total_displayed_push_notifications=4_321,
        datetime=datetime(2026, 1, 3, 15, 4),  # noqa: DTZ001 - Enkapush's times are naive
    )
    await http.ayse.send(MARKETING, "/flows göster 1")
    seen = text_of(await http.ayse.wait_for_message(MARKETING, "Devre dışı"))
    for part in ("10.000", "4.321 (%43,2)", "abonelikten 1 gün sonra", "Oluşturma: 3 Oca 2026 15:04"):
        assert part in seen, part


async def check_that_it_is_shown(http: World, message: Message, text: str) -> None:
    """Check that a message shows a text; one that is too long for it stands in the window behind its button."""
    if text in text_of(message):
        return
    assert text[:100] in text_of(message)
    await http.emma.click(message, "Show")
    assert text in text_of(await http.emma.wait_for_view("As a subscriber sees it"))


@pytest.mark.parametrize("text", HOSTILE)
async def test_foreign_text_is_shown_as_it_is_and_never_becomes_anything_else(http: World, text: str) -> None:
    http.enkapush.store.add_flow(
        website_id=1,
        name=text,
        title=text,
        description=text,
        url=f"https://shop.example/{text[:50]}",
        button_title_1=text,
        button_url_1="https://shop.example/b",
        wait_time=1,
        wait_time_type="days",
    )
    await http.emma.send(MARKETING, "/flows show 1")
    shown = await http.emma.wait_for_message(MARKETING, "#1")
    await check_that_it_is_shown(http, shown, text)
    assert http.slack.find_mentions(shown) == []
    await http.emma.send(MARKETING, "/flows list")
    listed = await http.emma.wait_for_message(MARKETING, "1 flow")
    assert http.slack.find_mentions(listed) == []
    await http.emma.click(shown, "Share")
    shared = await http.burak.wait_for_message(MARKETING, "Shared by")
    await check_that_it_is_shown(http, shared, text)
    assert [(mention.kind, mention.value) for mention in http.slack.find_mentions(shared)] == [("user", "U0EMMA")]


@pytest.mark.parametrize("text", HOSTILE[:-2])
async def test_what_a_person_types_comes_back_as_mere_text(http: World, text: str) -> None:
    for command in (f"/flows {text}", f"/flows list {text}", f"/flows show {text}", f'/flows list website:"{text}"'):
        await _type_and_wait(http, command)
        assert http.slack.find_mentions(_list_messages(http)[-1]) == []


async def _type_and_wait(world: World, command: str) -> None:
    """Let Emma type a command, and wait for an answer."""
    before = len(_list_messages(world))
    await world.emma.send(MARKETING, command)
    await world.emma.wait_until(lambda: len(_list_messages(world)) > before)


def _list_messages(world: World) -> list[Message]:
    return world.slack.workspace.list_visible_messages(MARKETING, "U0EMMA")


async def test_a_hidden_flow_is_answered_exactly_like_one_that_does_not_exist(http: World) -> None:
    http.add_flows(1, website=3)
    answers = []
    for flow in ("1", "2"):
        await http.emma.send(MARKETING, f"/flows show {flow}")
        answers.append(await http.emma.wait_for_message(MARKETING, f"There is no flow #{flow} here."))
    hidden, missing = answers
    assert hidden.text.replace("1", "2") == missing.text
    assert text_of(hidden).replace("1", "2") == text_of(missing)


async def test_while_enkapush_fails_a_hidden_flow_is_like_a_missing_one_too(http: World) -> None:
    http.add_flows(1, website=1)
    http.add_flows(1, website=3)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "1 flow")
    http.enkapush.faults.add(Fault.status(401, times=None))
    await http.emma.send(MARKETING, "/flows show 1")
    shown = await http.emma.wait_for_message(MARKETING, "As a subscriber sees it")
    assert "Enkapush hasn't shown a newer list" in text_of(shown)
    for hidden_or_missing in ("2", "3"):
        await _type_and_wait(http, f"/flows show {hidden_or_missing}")
        assert "doesn't accept flowbot's API key" in text_of(_list_messages(http)[-1])


async def test_the_button_of_a_list_shows_the_flow(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "2 flows")
    await http.emma.click(page, "Show", nth=1)
    assert "Title 1" in text_of(await http.emma.wait_for_message(MARKETING, "As a subscriber sees it"))


async def test_a_list_is_shared_with_all_who_may_see_it(running: World) -> None:
    running.add_flows(12)
    await running.emma.send(MARKETING, "/flows list flow")
    page = await running.emma.wait_for_message(MARKETING, "12 flows")
    assert all("12 flows" not in text_of(message) for message in await running.burak.list_messages(MARKETING))
    await running.emma.click(page, "Share")
    shared = await running.burak.wait_for_message(MARKETING, "12 flows")
    assert not shared.is_ephemeral
    assert "Search: flow" in text_of(shared)
    assert running.burak.list_buttons(shared) == ["Show"] * 10


async def test_nothing_is_shared_where_not_everyone_may_view(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "2 flows")
    await http.import_policy('[[channels]]\nid = "C0MARKETING"\nwebsites = [1]\nviewers = ["S0EDITORS"]\n')
    await http.emma.click(page, "Share")
    await http.emma.wait_for_message(MARKETING, "not everyone in this channel can see flows")
    await http.emma.send(MARKETING, "/flows list")
    narrow = await http.emma.wait_for_message(
        MARKETING, lambda message: message.ts > page.ts and "2 flows" in text_of(message)
    )
    assert "Share" not in http.emma.list_buttons(narrow)
    assert all(message.is_ephemeral for message in await http.emma.list_messages(MARKETING))


async def test_sharing_works_where_the_bot_is_not_in_the_channel(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "2 flows")
    http.slack.faults.add("chat.postMessage", error="not_in_channel")
    await http.emma.click(page, "Share")
    assert "2 flows" in text_of(await http.burak.wait_for_message(MARKETING, "Shared by"))


async def test_a_channel_that_takes_nothing_is_said(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "2 flows")
    http.slack.faults.add("chat.postMessage", error="is_archived")
    await http.emma.click(page, "Share")
    await http.emma.wait_for_message(MARKETING, "Nothing was shared. C0MARKETING is archived")


async def test_help_names_what_this_person_may_do_here(running: World) -> None:
    for words in ("/flows", "/flows help"):
        await running.emma.send(MARKETING, words)
    helped = text_of(await running.emma.wait_for_message(MARKETING, "You can"))
    assert "see flows and edit flows" in helped
    assert "Lale Moda and Northbound Outdoor" in helped
    assert "/flows list" in helped
    await running.burak.send(MARKETING, "/flows yardım")
    assert "akışları görmek ve istekleri onaylamak" in text_of(
        await running.burak.wait_for_message(MARKETING, "Yapabilecekleriniz")
    )


async def test_help_where_there_is_no_policy(http: World) -> None:
    await http.emma.send(RANDOM, "/flows help")
    seen = text_of(await http.emma.wait_for_message(RANDOM, "isn't set up in"))
    assert "/flows list" not in seen
    await http.deniz.send(RANDOM, "/flows help")
    await http.deniz.wait_for_message(RANDOM, "You're an admin")


async def test_help_for_people_of_another_company(http: World) -> None:
    await http.jonas.send(AGENCY, "/flows help")
    seen = text_of(await http.jonas.wait_for_message(AGENCY, "Only people of this organisation"))
    assert "Kitap" not in seen


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/flows lst", "Did you mean /flows list?"),
        ("/flows shwo 3", "Did you mean /flows show 3?"),
        ("/flows xyzzy", "Unknown command “xyzzy”. Try /flows help."),
        ("/flows show", "Add the flow's number"),
        ("/flows show me", "“me” is not a flow's number"),
        ("/flows show 99", "There is no flow #99 here."),
        ("/flows show 99999999999999999999", "is not a flow's number"),
        ("/flows list page:x", "A page is a number"),
        ("/flows list website:", "Add the website's name"),
    ],
)
async def test_a_slip_gets_a_sentence(http: World, typed: str, said: str) -> None:
    await http.emma.send(MARKETING, typed)
    assert (await http.emma.wait_for_message(MARKETING, said)).is_ephemeral


async def test_a_picture_that_slack_refuses_does_not_cost_the_answer(http: World) -> None:
    flow = http.enkapush.store.add_flow(
        website_id=1, name="A", title="With a picture", description="C", wait_time=1, wait_time_type="days",
        image=PICTURE,
    )  # fmt: skip
    await http.emma.send(MARKETING, f"/flows show {flow.id}")
    seen = await http.emma.wait_for_message(MARKETING, "With a picture")
    assert any(block["type"] == "card" for block in seen.blocks or [])
    http.slack.faults.add("response_url", error="invalid_blocks", block_type="image", times=None)
    await http.emma.send(MARKETING, f"/flows show {flow.id}")
    again = await http.emma.wait_for_message(MARKETING, lambda message: message.ts > seen.ts)
    assert "With a picture" in text_of(again)
    assert all(block["type"] not in {"card", "image"} for block in again.blocks or [])


@pytest.mark.parametrize(("command", "buttons"), [("show 1", ["Share"]), ("list", ["Show", "Share"])])
async def test_an_answer_has_only_the_buttons_that_its_reader_may_use(
    http: World, command: str, buttons: list[str]
) -> None:
    http.add_flows(1)
    await http.deniz.send(MARKETING, f"/flows {command}")
    answer = await http.deniz.wait_for_message(MARKETING, "Flow 1")
    assert http.deniz.list_buttons(answer) == buttons
