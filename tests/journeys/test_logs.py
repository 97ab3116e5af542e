"""The log: a line a request, the code that a person was told, and never a secret."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Final, Literal

import pytest
import structlog

from flowbot.observability import logging as observability_logging
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.journeys.world import MARKETING, World

PASSWORD: Final = "pa\"ss\\word'ş"
KNOWN_SECRETS: Final = ("signing-secret-1", "enkapush-key-1", PASSWORD)
REVEALING: Final = [
    "xoxb-1234-abc",
    "xapp-1-A0-123-abc",
    "xoxe.xoxb-1-abc",
    "xwfp-77-abc",
    "Authorization: Bearer abc.def",
    "he said 'Bearer abc' and \"Bearer abc\"",
    "postgresql://user:hunter22@host/name",
    "wss://wss-primary.slack.com/link/?ticket=0a1b2c-7d8e&app_id=1",
    "postgresql:///name?host=h&password=hunter23",
    "https://hooks.slack.com/commands/T1/2/sEcReT",
    *KNOWN_SECRETS,
]
SECRETS: Final = (
    "1234-abc",
    "77-abc",
    "A0-123",
    "abc.def",
    "Bearer abc",
    "hunter22",
    "hunter23",
    "0a1b2c",
    "7d8e",
    "sEcReT",
    *KNOWN_SECRETS,
)
Format = Literal["text", "json"]


@pytest.fixture
def read_log(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Return a function that reads standard error; the setup of logging is undone afterwards."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield lambda: capsys.readouterr().err
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def _log_everywhere(text: str) -> None:
    """Log the text in every way that a line can be written."""
    log, plain = structlog.get_logger("flowbot.test"), logging.getLogger("some.library")
    for said in (text, f'"{text}"', repr(text), json.dumps(text)):
        log.info(said, said=said, listed=[said], named={said: said}, number=1)
        plain.warning("asked %s", said, extra={"said": said})
        try:
            raise ValueError(said) from KeyError(said)  # noqa: TRY301 - what it says is the point
        except ValueError:
            log.exception("unexpected")
            plain.exception("unexpected")


def test_a_secret_as_short_as_a_word_is_blotted_out_where_it_stands_alone(read_log: Callable[[], str]) -> None:
    observability_logging.configure_logging("info", "text", ["a", "pw1"])
    structlog.get_logger("flowbot.test").info(
        "approval", key="a", answer="Bearer-less pw1, and (pw1)", told="[secret] pw12"
    )
    line = read_log()
    assert "approval" in line
    assert "key=[secret]" in line
    assert "Bearer-less [secret], and ([secret])" in line
    assert "[secret] pw12" in line


@pytest.mark.parametrize("fmt", ["text", "json"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_secret_gets_into_any_line(read_log: Callable[[], str], fmt: Format, level: str) -> None:
    observability_logging.configure_logging(level, fmt, KNOWN_SECRETS)
    for text in REVEALING:
        _log_everywhere(text)
    shown = read_log()
    assert observability_logging.REPLACEMENT in shown
    assert not [secret for secret in SECRETS if secret in shown]
    assert not [spelling for spelling in (json.dumps(PASSWORD)[1:-1], repr(PASSWORD)[1:-1]) if spelling in shown]


def test_lines_for_machines_parse_whatever_was_redacted(read_log: Callable[[], str]) -> None:
    observability_logging.configure_logging("debug", "json", KNOWN_SECRETS)
    for text in [*REVEALING, "line\nfeed", "\0", "://x", "a@b", "://u:", "\u2028"]:
        _log_everywhere(text)
    lines = [json.loads(line) for line in read_log().split("\n") if line]
    assert len(lines) == (len(REVEALING) + 6) * 16
    assert all(
        "locals" not in frame for line in lines for error in line.get("exception", []) for frame in error["frames"]
    )
    assert all(line["level"] and line["timestamp"].endswith("Z") for line in lines)


@pytest.mark.parametrize("fmt", ["text", "json"])
async def test_a_bot_at_work_tells_no_secret(world: World, read_log: Callable[[], str], fmt: Format) -> None:
    settings = world.settings
    observability_logging.configure_logging("debug", fmt, settings.secrets)
    world.add_flows(1)
    await world.start_http()
    await world.emma.send(MARKETING, "/flows list")
    await world.emma.wait_for_message(MARKETING, "1 flow")
    for trouble in (Fault.status(401), Fault.html(500, times=None)):
        world.time.ahead += 3600
        world.enkapush.faults.add(trouble)
        await world.emma.send(MARKETING, "/flows show 1")
        await world.emma.send(MARKETING, "/flows list")
    await world.emma.send(MARKETING, "/flows lst")
    await world.emma.wait_for_message(MARKETING, "Did you mean")
    shown = read_log()
    assert "enkapush.call" in shown
    assert len(settings.secrets) == 4
    assert not [secret for secret in settings.secrets if secret in shown]


async def test_a_website_that_is_not_found_is_logged_and_those_that_there_are_are_not(
    world: World, read_log: Callable[[], str]
) -> None:
    observability_logging.configure_logging("debug", "json", world.settings.secrets)
    await world.start_http()
    await world.emma.send(MARKETING, "/flows list website:nowhere")
    await world.emma.wait_for_message(MARKETING, "Lale Moda")
    await world.stack.aclose()
    shown = read_log()
    assert "list.no_such_website(website='nowhere')" in shown
    assert "Lale Moda" not in shown


async def test_a_request_is_one_line_with_its_outcome_and_the_code_that_was_told(
    world: World, read_log: Callable[[], str]
) -> None:
    observability_logging.configure_logging("info", "json", world.settings.secrets)
    await world.start_http()
    await world.emma.send(MARKETING, "/flows help")
    await world.emma.wait_for_message(MARKETING, "You can")
    await world.emma.send(MARKETING, "/flows lst")
    await world.emma.wait_for_message(MARKETING, "Did you mean")
    world.enkapush.faults.add(Fault.status(401))
    await world.emma.send(MARKETING, "/flows list")
    told = text_of(await world.emma.wait_for_message(MARKETING, "give the engineer this code"))
    await world.stack.aclose()
    lines = [json.loads(line) for line in read_log().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["outcome"] for line in requests] == ["done", "refused", "fault"]
    assert len({line["incident"] for line in requests}) == 3
    assert all(line["user"] == "U0EMMA" and line["channel"] == MARKETING and line["ms"] > 0 for line in requests)
    code = re.search(r"this code: ([2-9A-Z]{8})", told)
    assert code
    of_the_fault = [line for line in lines if line.get("incident") == code[1]]
    assert {"enkapush.call", "fault", "request"} <= {line["event"] for line in of_the_fault}
    assert of_the_fault[-1] == requests[-1]
