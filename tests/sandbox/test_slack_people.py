"""What people and their clients do: escaping, checks before a submit, a driver that tells what it misses."""

from typing import Any

import pytest
from aiohttp import web

from flowbot.sandbox.slack import ClientError, Message, SlackSandbox, View, build_demo_workspace
from flowbot.sandbox.slack.blocks import build_state_values
from flowbot.sandbox.slack.form_checks import find_form_errors
from flowbot.sandbox.slack.mrkdwn import escape_command_text

MARKETING = "C0MARKETING"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("enable 7 because of <b> & co", "enable 7 because of &lt;b&gt; &amp; co"),
        ("ask @burak", "ask <@U0BURAK|burak>"),
        ("ask @leads", "ask <!subteam^S0LEADS|@leads>"),
        ("ask @nobody", "ask @nobody"),
        ("in #random", "in <#C0RANDOM|random>"),
        ("tell @here", "tell <!here>"),
        ("see https://a.example/x?a=1&b=2", "see <https://a.example/x?a=1&amp;b=2>"),
        ("mail a@burak", "mail a@burak"),
    ],
)
def test_a_commands_text_is_escaped_as_slack_does(typed: str, sent: str) -> None:
    assert escape_command_text(build_demo_workspace(), typed) == sent


def form(element: dict[str, Any], value: Any, **more: Any) -> View:
    words = {"type": "plain_text", "text": "Name"}
    block = {"type": "input", "block_id": "b", "label": words, "element": {"action_id": "a", **element}, **more}
    key = {"number_input": "value", "checkboxes": "selected_options"}.get(element["type"], "value")
    given = {"b": {"a": {"type": element["type"], key: value}}}
    return View("V1", "U0AYSE", "modal", [block], "h", values=build_state_values([block], given))


TEXT = {"type": "plain_text_input", "min_length": 2, "max_length": 4}
NUMBER = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}
URL = {"type": "url_text_input"}
BOXES = {"type": "checkboxes", "options": []}


@pytest.mark.parametrize(
    ("element", "value", "complaint"),
    [
        (TEXT, None, "Please complete this required field."),
        (TEXT, "abc", None),
        (TEXT, "a", "Must be 2 characters or more."),
        (TEXT, "abcde", "Must be 4 characters or less."),
        (NUMBER, "5", None),
        (NUMBER, "5.5", "Please enter a valid number."),
        (NUMBER, "five", "Please enter a valid number."),
        (NUMBER, "0", "Must be 1 or more."),
        (NUMBER, "10", "Must be 9 or less."),
        (URL, "https://a.example", None),
        (URL, "a.example", "Please enter a valid URL."),
        (BOXES, [], "Please complete this required field."),
    ],
)
def test_the_client_holds_back_what_cannot_be_right(element: dict[str, Any], value: Any, complaint: str | None) -> None:
    assert find_form_errors(form(element, value)) == ({"b": complaint} if complaint else {})


def test_an_optional_field_may_stay_empty() -> None:
    assert find_form_errors(form(TEXT, None, optional=True)) == {}


def message(sandbox: SlackSandbox) -> Message:
    words = {"type": "plain_text", "text": "Next"}
    buttons = [{"type": "button", "text": words, "action_id": "n"}]
    blocks = [{"type": "actions", "elements": buttons}]
    posted = Message("1.000001", MARKETING, "U0FLOWBOT", "a", blocks=blocks, bot_id="B0FLOWBOT")
    return sandbox.context.mutations.post_message(posted)


async def test_a_missing_button_is_told_with_those_that_are_there() -> None:
    sandbox = SlackSandbox()
    with pytest.raises(LookupError, match=r"no button 'Approve' here, only \['Next'\]"):
        await sandbox.person("U0AYSE").click(message(sandbox), "Approve")


async def test_waiting_in_vain_tells_what_is_there_instead() -> None:
    sandbox = SlackSandbox()
    message(sandbox)
    with pytest.raises(AssertionError, match=r"waited in C0MARKETING for 'gone' and sees only \['Next'\]"):
        await sandbox.person("U0AYSE").wait_for_message(MARKETING, "gone", timeout=0.01)


async def test_nobody_presses_what_they_do_not_see() -> None:
    sandbox = SlackSandbox()
    with pytest.raises(ClientError, match="not_found"):
        await sandbox.person("U0JONAS").click(message(sandbox), "Next")


async def test_an_answer_that_slack_does_not_take_is_told_to_the_person() -> None:
    sandbox = SlackSandbox()

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"blocks": [{"type": "banner"}]})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with sandbox.serve():
        sandbox.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        with pytest.raises(ClientError, match="invalid_command_response"):
            await sandbox.person("U0AYSE").send(MARKETING, "/flows")
    await runner.cleanup()
    refused = sandbox.deliveries[-1].refusal
    assert refused is not None
    assert refused.code == "invalid_blocks"
