"""Messages that are longer than Slack takes: posted in short, with the whole in a window."""

from typing import Any, Final

from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import add_flow, open_form
from tests.journeys.request_steps import approval_policy, wait_for_notice, wait_for_status
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

END: Final = "… ve ’bitti’"


def long_text(beginning: str, size: int = 3000) -> str:
    """Return a text in Turkish, with quotes, of the most characters that a field takes."""
    text = beginning + ' “Çılgın” indirim – ‘Şok’ fiyatlar & "ığdır" <öğün> ' * 100
    return text[: size - len(END)] + END


def long_address(host: str) -> str:
    """Return an address of the most characters that a field takes."""
    return f"https://{host}.example/".ljust(3000, "a")


BEFORE: Final = {
    "name": long_text("Eski ad"), "title": long_text("Eski başlık"), "description": long_text("Eski metin"),
    "url": long_address("eski"), "button_title_1": long_text("Eski düğme"), "button_url_1": long_address("eski-bir"),
    "button_title_2": long_text("Eski öteki"), "button_url_2": long_address("eski-iki"),
}  # fmt: skip
AFTER: Final = {
    "Ad": long_text("Yeni ad"), "Başlık": long_text("Yeni başlık"), "Açıklama": long_text("Yeni metin"),
    "URL": long_address("yeni"), "Düğme 1 başlığı": long_text("Yeni düğme"), "Düğme 1 URL'si": long_address("yeni-bir"),
    "Düğme 2 başlığı": long_text("Yeni öteki"), "Düğme 2 URL'si": long_address("yeni-iki"),
}  # fmt: skip


def list_refusals(world: World) -> list[dict[str, Any]]:
    """List the calls of Slack that it refused for a message's blocks."""
    latest = world.slack.context.exchange_log.list_latest(500)
    return [each for each in latest if "blocks" in each["status"] or "too_long" in each["status"]]


async def request_long_edit(world: World) -> Message:
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True, **BEFORE)
    await open_form(world.ayse, "/flows düzenle 1")
    await world.ayse.submit(AFTER)
    return await world.deniz.wait_for_message(APPROVALS, "Yeni başlık")


@in_both_modes
async def test_the_longest_edit_is_posted_in_short_and_shown_whole_in_a_window(running: World) -> None:
    request = await request_long_edit(running)
    for label in AFTER:
        name = label.removesuffix(" başlığı").removesuffix(" URL'si")
        assert f"{name}: " in text_of(request)
    assert END not in text_of(request)
    assert running.burak.list_buttons(request) == [
        "Onayla",
        "Reddet",
        "Değişiklik iste",
        "Yorum yap",
        "Geri çek",
        "Göster",
    ]
    await running.burak.click(request, "Göster")
    window = await running.burak.wait_for_view(lambda view: "Yeni metin" in text_of(view))
    assert AFTER["Açıklama"] in text_of(window)
    assert AFTER["Düğme 2 URL'si"] in text_of(window)
    await running.burak.click(request, "Onayla")
    done = await wait_for_status(running, request, "Uygulandı")
    assert running.burak.list_buttons(done) == ["Göster"]
    await wait_for_notice(running, request, "düzenlendi")
    assert list_refusals(running) == []


async def test_who_may_not_see_the_request_is_refused_in_the_window(http: World) -> None:
    request = await request_long_edit(http)
    http.slack.workspace.channels[APPROVALS].members.append("U0JONAS")
    await http.jonas.click(request, "Göster")
    await http.jonas.wait_for_view("Only people of this organisation can use flowbot.")


async def test_a_message_that_becomes_too_long_for_slack_is_updated_in_short(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=True)
    await open_form(http.emma, "/flows edit 1")
    await http.emma.submit({"Title": "T" * 900, "Description": "D" * 900})
    request = await http.deniz.wait_for_message(APPROVALS, "Description: Old text")
    assert http.burak.list_buttons(request) == ["Approve", "Reject", "Request changes", "Comment", "Withdraw"]
    http.slack.faults.add("chat.update", longer_than=3000, times=None)
    await http.burak.click(request, "Approve")
    done = await wait_for_status(http, request, "Applied")
    assert http.burak.list_buttons(done) == ["Show"]
    assert [each["status"] for each in list_refusals(http)] == ["msg_blocks_too_long"]
    http.slack.faults.add("views.open", error="expired_trigger_id")
    await http.emma.click(done, "Show")
    told = await http.emma.wait_for_message(APPROVALS, "Slack didn't open the window. Try again.")
    await http.emma.click(told, "Show")
    await http.emma.wait_for_view("D" * 900)


async def test_a_flow_that_is_too_long_is_shown_in_short_and_whole_in_a_window(http: World) -> None:
    add_flow(http, **BEFORE)
    await http.ayse.send(MARKETING, "/flows göster 1")
    page = await http.ayse.wait_for_message(MARKETING, "Abonenin gördüğü")
    assert http.ayse.list_buttons(page)[-1] == "Göster"
    await http.ayse.click(page, "Göster")
    window = await http.ayse.wait_for_view(lambda view: "Eski metin" in text_of(view))
    assert BEFORE["description"] in text_of(window)
    assert list_refusals(http) == []
