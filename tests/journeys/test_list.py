"""`/flows list`: what a person types, sees and presses."""

import re

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.world import AGENCY, MARKETING, RANDOM, World, in_both_modes, on_both_databases


def list_names(message: Message) -> list[str]:
    """List the flows on a page, in order."""
    return [found[1] for found in re.finditer(r"^(?:🟢|⚪) #\d+ (.*) · [\w ]+$", text_of(message), re.MULTILINE)]


@in_both_modes
async def test_ten_flows_a_page_newest_first_with_the_count_and_the_page(running: World) -> None:
    running.add_flows(23)
    await running.emma.send(MARKETING, "/flows list")
    page = await running.emma.wait_for_message(MARKETING, "23 flows")
    assert list_names(page) == [f"Flow {number}" for number in range(23, 13, -1)]
    assert "Page 1 of 3" in text_of(page)
    assert page.is_ephemeral


@in_both_modes
async def test_pages_turn_in_place_and_keep_the_filter(running: World) -> None:
    running.add_flows(12, word="Sale")
    running.add_flows(30, word="Other")
    emma = running.emma
    await emma.send(MARKETING, "/flows list sale disabled website:lale")
    first = await emma.wait_for_message(MARKETING, "12 flows")
    assert "Previous" not in emma.list_buttons(first)
    await emma.click(first, "Next")
    second = await emma.wait_for_message(MARKETING, "Page 2 of 2")
    assert second.ts == first.ts
    assert list_names(second) == ["Sale 2", "Sale 1"]
    assert "Next" not in emma.list_buttons(second)
    assert all(part in text_of(second) for part in ("Search: sale", "Disabled only", "Website: Lale Moda"))
    await emma.click(second, "Previous")
    again = await emma.wait_for_message(MARKETING, "Page 1 of 2")
    assert list_names(again) == [f"Sale {number}" for number in range(12, 2, -1)]
    assert len(await emma.list_messages(MARKETING)) == 1


async def test_menus_of_a_list_work_after_a_restart(http: World) -> None:
    http.add_flows(3, word="Sale")
    await http.emma.send(MARKETING, "/flows list sale website:lale sort:name")
    page = await http.emma.wait_for_message(MARKETING, "3 flows")
    await http.start_http()
    await http.emma.choose(page, "State", "Disabled")
    again = await http.emma.wait_for_message(MARKETING, "Disabled only")
    assert all(part in text_of(again) for part in ("Search: sale", "Website: Lale Moda", "Sorted by: Name"))
    await http.emma.click(again, "Edit")
    await http.emma.wait_for_view("#1")


async def test_the_words_of_an_order_are_understood_in_both_languages(http: World) -> None:
    for name in ("zil", "çay", "İnci", "ığdır", "cam"):
        http.enkapush.store.add_flow(website_id=1, name=name)
    for person, asked, said in [
        (http.emma, "list sort:name", "Sorted by: Name"),
        (http.ayse, "liste sırala:ad", "Sıralama: Ad"),
        (http.ayse, "LİSTE SIRALA:name", "Sıralama: Ad"),
    ]:
        await person.send(MARKETING, f"/flows {asked}")
        assert list_names(await person.wait_for_message(MARKETING, said)) == ["cam", "çay", "ığdır", "İnci", "zil"]
    await http.emma.send(MARKETING, "/flows list sort:oldest")
    await http.emma.wait_for_message(MARKETING, "sort by new, name, sent, best or worst")


async def test_an_entry_of_a_flows_menu_does_what_its_button_does(http: World) -> None:
    http.add_flows(2)
    emma = http.emma
    await emma.send(MARKETING, "/flows list")
    page = await emma.wait_for_message(MARKETING, "2 flows")
    assert emma.list_buttons(page) == ["Show", "Edit", "Enable", "Duplicate", "Delete"] * 2 + ["Share"]
    await emma.click(page, "Show", nth=1)
    await emma.wait_for_message(MARKETING, "As a subscriber sees it")
    await emma.click(page, "Edit", nth=1)
    await emma.wait_for_view("#1")
    await emma.close()
    await emma.click(page, "Delete")
    await emma.wait_for_view("#2")
    await http.deniz.send(MARKETING, "/flows list")
    page = await http.deniz.wait_for_message(MARKETING, "2 flows")
    assert "Edit" not in http.deniz.list_buttons(page)


async def test_everybody_may_show_a_flow_of_a_shared_list(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.click(await http.emma.wait_for_message(MARKETING, "2 flows"), "Share")
    shared = await http.deniz.wait_for_message(MARKETING, lambda message: not message.is_ephemeral)
    assert http.deniz.list_buttons(shared) == ["Show", "Show"]
    assert "Title" not in text_of(shared)
    await http.deniz.click(shared, "Show")
    assert (await http.deniz.wait_for_message(MARKETING, "As a subscriber sees it")).is_ephemeral


@in_both_modes
async def test_menus_filter_and_sort_in_place_and_pages_keep_the_choice(running: World) -> None:
    for number in range(1, 14):
        running.enkapush.store.add_flow(
            website_id=1 if number < 12 else 2,
            name=f"Flow {number}",
            total_displayed_push_notifications=100,
            total_clicked_push_notifications=number,
        )
    emma = running.emma
    await emma.send(MARKETING, "/flows list")
    page = await emma.wait_for_message(MARKETING, "13 flows")
    await emma.choose(page, "Sort", "Best click rate")
    page = await emma.wait_for_message(MARKETING, "Sorted by: Best click rate")
    assert list_names(page)[:3] == ["Flow 13", "Flow 12", "Flow 11"]
    await emma.choose(page, "Website", "Lale Moda")
    page = await emma.wait_for_message(MARKETING, "Website: Lale Moda")
    await emma.click(page, "Next")
    page = await emma.wait_for_message(MARKETING, "Page 2 of 2")
    assert list_names(page) == ["Flow 1"]
    await emma.choose(page, "State", "Enabled")
    page = await emma.wait_for_message(MARKETING, "No flow matches")
    await emma.choose(page, "State", "Any state")
    page = await emma.wait_for_message(MARKETING, "11 flows")
    assert list_names(page)[0] == "Flow 11"
    assert len(await emma.list_messages(MARKETING)) == 1


async def test_a_page_turn_costs_enkapush_nothing(http: World) -> None:
    http.add_flows(25)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "Page 1 of 3")
    http.time.ahead += 120
    asked = len(http.enkapush.requests)
    await http.emma.click(page, "Next")
    page = await http.emma.wait_for_message(MARKETING, "Page 2 of 3")
    await http.emma.click(page, "Next")
    page = await http.emma.wait_for_message(MARKETING, "Page 3 of 3")
    assert len(http.enkapush.requests) == asked
    assert "2 minutes ago" in text_of(page)


async def test_five_thousand_flows_need_at_most_six_requests(http: World) -> None:
    for website in (1, 2, 3):
        http.add_flows(1_667, website=website)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "3,334 flows", timeout=20)
    assert "Page 1 of 334" in text_of(page)
    assert 1 <= len(http.enkapush.requests) <= 6


async def test_people_who_ask_together_cost_enkapush_one_reading(http: World) -> None:
    http.add_flows(5)
    http.enkapush.faults.add(Fault.delay(0.3, path="/flows"))
    people = [http.emma, http.ayse, http.burak, http.deniz]
    for person in people:
        await person.send(MARKETING, "/flows list")
    for person in people:
        await person.wait_for_message(MARKETING, "5 ")
    assert len(http.enkapush.requests) == 1


async def test_nobody_learns_of_a_website_that_the_policy_does_not_name(http: World) -> None:
    http.add_flows(3, website=1)
    http.add_flows(40, website=3, word="Hidden")
    for asked, said in [
        ("/flows list", "3 flows"),
        ("/flows list hidden", "0 flows"),
        ("/flows list website:3", "no website “3”"),
        ("/flows list website:Kitap", "no website “Kitap”"),
        ("/flows list website:99", "no website “99”"),
        ("/flows list page:2", "no page 2"),
    ]:
        await http.emma.send(MARKETING, asked)
        answer = await http.emma.wait_for_message(MARKETING, said)
        assert "Hidden" not in text_of(answer)
        assert "40" not in text_of(answer)
        assert "43" not in text_of(answer)


@pytest.mark.parametrize("page", ["3", "0", "999999999"])
async def test_a_page_that_does_not_exist_is_answered_with_a_sentence(http: World, page: str) -> None:
    http.add_flows(12)
    await http.emma.send(MARKETING, f"/flows list page:{page}")
    answer = await http.emma.wait_for_message(MARKETING, "There is no page")
    assert "12 flows match, and the last page is 2" in text_of(answer)


async def test_a_page_can_be_asked_for(http: World) -> None:
    http.add_flows(12)
    await http.emma.send(MARKETING, "/flows list page:2")
    assert list_names(await http.emma.wait_for_message(MARKETING, "Page 2 of 2")) == ["Flow 2", "Flow 1"]


async def test_turning_to_a_page_that_is_gone_shows_the_last_one(http: World) -> None:
    http.add_flows(12)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "Page 1 of 2")
    for flow_id in list(http.enkapush.store.flows)[:5]:
        http.enkapush.store.delete_flow(flow_id)
    http.time.ahead += 700
    await http.emma.click(page, "Next")
    assert len(list_names(await http.emma.wait_for_message(MARKETING, "7 flows"))) == 7


async def test_turkish_words_turkish_answers_and_turkish_folding(running: World) -> None:
    running.add_flows(1, word="Bahar İNDİRİMİ")
    running.add_flows(1, word="ILIK günler")
    await running.ayse.send(MARKETING, "/flows LİSTE indirimi")
    found = await running.ayse.wait_for_message(MARKETING, "1 akış")
    assert list_names(found) == ["Bahar İNDİRİMİ 1"]
    assert "1 gün sonra" in text_of(found)
    await running.ayse.send(MARKETING, "/flows liste ılık")
    assert list_names(await running.ayse.wait_for_message(MARKETING, "Arama: ılık")) == ["ILIK günler 1"]


async def test_the_word_payload_is_a_word_like_any_other(running: World) -> None:
    running.add_flows(1, word="Payload")
    await running.emma.send(MARKETING, "/flows list payload")
    assert list_names(await running.emma.wait_for_message(MARKETING, "Search: payload")) == ["Payload 1"]


@on_both_databases
async def test_no_policy_no_list(http: World) -> None:
    await http.deniz.send(RANDOM, "/flows list")
    await http.deniz.wait_for_message(RANDOM, "flowbot isn't set up in this channel")
    assert http.enkapush.requests == []


async def test_people_of_another_company_get_nothing(http: World) -> None:
    http.add_flows(3, website=3)
    await http.import_policy('[[channels]]\nid = "C0AGENCY"\nwebsites = "all"\nviewers = ["*", "U0JONAS"]\n')
    await http.jonas.send(AGENCY, "/flows list")
    await http.jonas.wait_for_message(AGENCY, "Only people of this organisation can use flowbot")
    assert http.enkapush.requests == []


@on_both_databases
async def test_a_group_of_viewers_sees_and_others_do_not(http: World) -> None:
    http.add_flows(3, website=3)
    await http.burak.send(AGENCY, "/flows list")
    await http.burak.wait_for_message(AGENCY, "3 akış")
    await http.emma.send(AGENCY, "/flows list")
    await http.emma.wait_for_message(AGENCY, "can see flows.")


@on_both_databases
async def test_rights_are_looked_at_again_at_every_page_turn(http: World) -> None:
    http.add_flows(12)
    await http.emma.send(MARKETING, "/flows list")
    page = await http.emma.wait_for_message(MARKETING, "Page 1 of 2")
    await http.import_policy('[[channels]]\nid = "C0MARKETING"\nwebsites = [1]\nviewers = ["U0AYSE"]\n')
    await http.emma.click(page, "Next")
    refusal = await http.emma.wait_for_message(MARKETING, "can see flows.")
    assert refusal.ts != page.ts


async def test_where_slack_cannot_tell_the_groups_nobody_gets_in_by_a_group(http: World) -> None:
    http.slack.faults.add("usergroups.list", error="internal_error", times=None)
    await http.burak.send(AGENCY, "/flows list")
    await http.burak.wait_for_message(AGENCY, "kullanıcı gruplarınızı göstermiyor")
    http.slack.faults.clear()
    await http.burak.send(AGENCY, "/flows list")
    await http.burak.wait_for_message(AGENCY, "0 akış")


async def test_where_slack_does_not_list_groups_it_is_asked_for_those_that_policies_name(http: World) -> None:
    http.slack.faults.add("usergroups.list", error="unknown_method", times=None)
    await http.import_policy(
        '[[channels]]\nid = "C0AGENCY"\nwebsites = [3]\nviewers = ["S0LEADS", "S0GONE"]\neditors = ["S0EDITORS"]\n'
    )
    await http.burak.send(AGENCY, "/flows list")
    await http.burak.wait_for_message(AGENCY, "0 akış")


async def test_where_slack_tells_no_group_in_any_way_nobody_gets_in_by_one(http: World) -> None:
    http.slack.faults.add("usergroups.list", error="unknown_method", times=None)
    http.slack.faults.add("usergroups.users.list", error="internal_error", times=None)
    await http.burak.send(AGENCY, "/flows list")
    await http.burak.wait_for_message(AGENCY, "kullanıcı gruplarınızı göstermiyor")


async def test_where_slack_cannot_tell_who_it_is_nobody_gets_in(http: World) -> None:
    http.slack.faults.add("users.info", error="internal_error", times=None)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "isn't showing your profile")
    assert http.enkapush.requests == []


async def test_an_empty_channel_says_so(http: World) -> None:
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "no flow on this channel's websites yet")


async def test_flows_that_were_added_outside_are_listed_some_seconds_later(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "2 flows")
    http.add_flows(21, word="Outside")
    http.time.ahead += 16
    http.enkapush.faults.add(Fault.delay(0.3, path="/flows"))
    await http.emma.send(MARKETING, "/flows list outside page:3")
    assert list_names(await http.emma.wait_for_message(MARKETING, "Page 3 of 3")) == ["Outside 1"]


async def test_a_list_that_is_slow_to_come_is_served_as_it_was_and_says_so(http: World) -> None:
    http.add_flows(2)
    await http.emma.send(MARKETING, "/flows list")
    await http.emma.wait_for_message(MARKETING, "2 flows")
    http.add_flows(21, word="Outside")
    http.time.ahead += 16
    http.enkapush.faults.add(Fault.hang(path="/flows"))
    await http.emma.send(MARKETING, "/flows list outside page:3")
    await http.emma.wait_for_message(MARKETING, "Enkapush hasn't shown a newer list yet")
    await http.emma.send(MARKETING, "/flows list disabled")
    page = await http.emma.wait_for_message(MARKETING, "Disabled only")
    assert "Enkapush hasn't shown a newer list yet" in text_of(page)
    assert len(list_names(page)) == 2
    http.enkapush.release()
