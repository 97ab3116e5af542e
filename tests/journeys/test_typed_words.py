"""What people type after `/flows`, read as what it looks like, and suggestions for what it does not know."""

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, is_form, list_writes
from tests.journeys.request_steps import approval_policy
from tests.journeys.world import APPROVALS, MARKETING, World


async def answer(person: SandboxPerson, typed: str) -> Message:
    """Type a command, and return its private answer."""
    before = {message.ts for message in await person.list_messages(MARKETING)}
    await person.send(MARKETING, typed)
    return await person.wait_for_message(MARKETING, lambda each: each.is_ephemeral and each.ts not in before)


async def press(person: SandboxPerson, message: Message, label: str) -> Message:
    """Press a button, and return the private answer."""
    before = {message.ts for message in await person.list_messages(MARKETING)}
    await person.click(message, label)
    return await person.wait_for_message(MARKETING, lambda each: each.is_ephemeral and each.ts not in before)


async def test_what_looks_like_a_command_is_one(http: World) -> None:
    add_flow(http, name="Winter sale")
    numbers = ("1", "#１", "“1”", "show ١", "sho\u200bw\u00a0«1»", "\ufeff“göster 1”\u2060")
    for typed in numbers:
        assert text_of(await answer(http.emma, f"/flows {typed}")).startswith("#1 Winter sale"), typed
    lists = ("li\u200bst", "list ‘winter sale’ page:１", "liste win\u00adter site：１", "list website:«lale moda»")
    for typed in lists:
        assert "1 flow" in text_of(await answer(http.emma, f"/flows {typed}")), typed


async def test_a_suggestion_is_a_button_in_the_readers_language(http: World) -> None:
    add_flow(http, name="Winter sale")
    told = await answer(http.emma, "/flows shwo 1")
    assert text_of(told).startswith("Unknown command “shwo”. Did you mean /flows show 1?\n")
    assert http.emma.list_buttons(told) == ["show 1"]
    assert "Winter sale" in text_of(await press(http.emma, told, "show 1"))
    # Somebody else reads it in their own language, and another process takes the press.
    told = await answer(http.burak, "/flows shwo １")
    assert text_of(told).startswith("“shwo” diye bir komut yok. Şunu mu demek istediniz: /flows göster １?\n")
    await http.start_http()
    assert "Winter sale" in text_of(await press(http.burak, told, "göster １"))
    told = await answer(http.emma, "/flows xyzzy")
    assert text_of(told).startswith("Unknown command “xyzzy”. Try /flows help.\n")
    assert "You can" in text_of(await press(http.emma, told, "help"))


async def test_a_suggestion_that_changes_something_does_so_once_however_often_it_is_pressed(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, name="Winter sale", is_enabled=True)
    told = await answer(http.emma, "/flows disbale 1 over")
    for _ in range(2):
        await http.emma.click(told, "disable 1 over")
    await http.emma.wait_for_message(MARKETING, "Flow #1 is disabled.")
    await http.emma.wait_for_message(MARKETING, "You already pressed this.")
    shown = [text_of(each) for each in await http.emma.list_messages(MARKETING)]
    assert [text.splitlines()[0] for text in shown if "Applied" in text] == [
        "Flow #1 Winter sale is disabled · by Emma Clarke"
    ]
    assert len(list_writes(http)) == 1


async def test_a_suggestion_needs_the_rights_of_its_command_and_asks_as_it_does(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, name="Winter sale")
    told = await answer(http.deniz, "/flows delte 1 It's “over”")
    assert "can do this." in text_of(await press(http.deniz, told, "delete 1 It's “over”"))
    assert await http.deniz.list_messages(APPROVALS) == []
    told = await answer(http.emma, "/flows delte 1 It's “over”")
    await press(http.emma, told, "delete 1 It's “over”")
    request = await http.burak.wait_for_message(APPROVALS, "Winter sale")
    assert "It's “over”" in text_of(request)
    assert list_writes(http) == []


async def test_a_suggestion_opens_its_form(http: World) -> None:
    add_flow(http, name="Winter sale")
    told = await answer(http.emma, "/flows edti 1")
    await http.emma.click(told, "edit 1")
    await http.emma.wait_for_view(is_form)
    # Where Slack opens none any more, a button does.
    await http.emma.close()
    http.slack.faults.add("views.open", error="expired_trigger_id")
    offered = await press(http.emma, told, "edit 1")
    await http.emma.click(offered, "Open form")
    await http.emma.wait_for_view(is_form)


async def test_a_refused_command_says_who_may(http: World) -> None:
    await http.import_policy(approval_policy(editors='["U0AYSE", "S0EDITORS"]'))
    for typed in ("create", "edit 1", "enable 1"):
        told = text_of(await answer(http.deniz, f"/flows {typed}"))
        assert told == "Only U0AYSE and S0EDITORS can do this.", typed
