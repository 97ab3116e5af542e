"""An answer gets to its person, whatever becomes of the way that Slack offered for it."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from flowbot.domain.ids import ChannelId, UserId
from flowbot.errors import DependencyError, UserError
from flowbot.observability.metrics import Metrics
from flowbot.sandbox.slack import BOT_TOKEN, SandboxPerson, SlackSandbox, text_of
from flowbot.slack.api.client import create_web_client, open_session
from flowbot.slack.api.message_sender import MessageSender
from flowbot.slack.api.messages import MessagePoster, MessageRefusedError, Responder
from flowbot.slack.payloads.incoming import ReplyTarget
from flowbot.slack.views.block_kit import card, image, plain, section
from flowbot.slack.views.message import Message

MARKETING, RANDOM, EMMA = "C0MARKETING", "C0RANDOM", "U0EMMA"
HELLO: Final = Message((section(plain("Hello")),))
PICTURE: Final = Message((section(plain("Hello")), image("https://cdn.example/a.png", "A picture")))
CARD: Final = Message(
    (section(plain("Hello")), card(image("https://cdn.example/a.png", "A picture"), "Opens a.example"))
)


class Setup:
    """The stand-in Slack, and a responder that posts to it."""

    def __init__(self, slack: SlackSandbox, replies: Responder, poster: MessagePoster, metrics: Metrics) -> None:
        self.slack = slack
        self.responder = replies
        self.poster = poster
        self.metrics = metrics

    @property
    def emma(self) -> SandboxPerson:
        return self.slack.person(EMMA)

    def reply_target(self, channel: str = MARKETING, url: str | None = None) -> ReplyTarget:
        """Return where Emma typed a command; `url` in the place of a good response URL."""
        good = self.slack.context.issue_response_url("commands", channel, EMMA)
        return ReplyTarget(ChannelId(channel), UserId(EMMA), good if url is None else url)

    def count_shortened(self, method: str) -> dict[str, float]:
        """Return how many messages were shortened on this way, by reason."""
        samples = next(iter(self.metrics.slack_shortened.collect())).samples
        return {
            each.labels["reason"]: each.value
            for each in samples
            if each.labels["method"] == method and each.name.endswith("_total")
        }

    async def read_messages(self, channel: str = MARKETING) -> list[tuple[str, bool]]:
        return [(text_of(message), message.is_ephemeral) for message in await self.emma.list_messages(channel)]


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    slack = SlackSandbox()
    async with slack.serve() as origin, open_session() as session:
        api = f"{origin}/api"
        client, metrics = create_web_client(api, BOT_TOKEN, session), Metrics()
        sender = MessageSender(client, metrics)
        yield Setup(slack, Responder(sender, session, api, metrics), MessagePoster(sender), metrics)


async def test_an_answer_is_for_its_person_alone(setup: Setup) -> None:
    await setup.responder.reply_privately(setup.reply_target(), HELLO)
    assert await setup.read_messages() == [("Hello", True)]
    assert await setup.slack.person("U0AYSE").list_messages(MARKETING) == []


@pytest.mark.parametrize(
    "url", ["", "https://evil.example/x", "http://hooks.slack.com/x", "not an address", "https://["]
)
async def test_an_address_that_is_not_slacks_is_never_called(setup: Setup, url: str) -> None:
    await setup.responder.reply_privately(setup.reply_target(url=url), HELLO)
    assert await setup.read_messages() == [("Hello", True)]


@pytest.mark.parametrize("trouble", [{"status": 404}, {"status": 410}, {"error": "used_url"}, {"body": "<html>"}])
async def test_a_used_up_address_is_replaced(setup: Setup, trouble: dict[str, object]) -> None:
    setup.slack.faults.add("response_url", times=None, **trouble)  # type: ignore[arg-type] # a table of keywords
    await setup.responder.reply_privately(setup.reply_target(), HELLO)
    assert await setup.read_messages() == [("Hello", True)]


@pytest.mark.parametrize("trouble", [{"retry_after": 0}, {"status": 503}])
async def test_a_limit_or_a_slip_is_waited_out(setup: Setup, trouble: dict[str, object]) -> None:
    setup.slack.faults.add("response_url", **trouble)  # type: ignore[arg-type] # a table of keywords
    await setup.responder.reply_privately(setup.reply_target(), HELLO)
    assert await setup.read_messages() == [("Hello", True)]


@pytest.mark.parametrize("way", ["response_url", "chat.postEphemeral"])
async def test_a_picture_that_slack_cannot_fetch_does_not_cost_the_words(setup: Setup, way: str) -> None:
    setup.slack.faults.add(way, block_type="image", times=None)
    await setup.responder.reply_privately(setup.reply_target(url=None if way == "response_url" else ""), PICTURE)
    assert await setup.read_messages() == [("Hello", True)]


@pytest.mark.parametrize("way", ["response_url", "chat.postEphemeral"])
async def test_a_workspace_that_refuses_a_card_gets_classic_blocks_from_then_on(setup: Setup, way: str) -> None:
    url = None if way == "response_url" else ""
    await setup.responder.reply_privately(setup.reply_target(url=url), CARD)
    setup.slack.workspace.accepts_newer_blocks = False
    for _ in range(2):
        await setup.responder.reply_privately(setup.reply_target(url=url), CARD)
    seen = await setup.emma.list_messages(MARKETING)
    kinds = [[block["type"] for block in message.blocks or []] for message in seen]
    assert kinds == [["section", "card"], *[["section", "context", "image"]] * 2]
    # Posts need not learn it again: the stand-in would refuse a card.
    calls = len(setup.slack.context.exchange_log.list_latest(500))
    await setup.poster.post(ChannelId(MARKETING), CARD)
    assert len(setup.slack.context.exchange_log.list_latest(500)) == calls + 1
    assert setup.count_shortened(way) == {}


async def test_a_picture_that_slack_cannot_fetch_says_nothing_about_cards(setup: Setup) -> None:
    setup.slack.faults.add("response_url", block_type="image", times=2)
    for _ in range(2):
        await setup.responder.reply_privately(setup.reply_target(), CARD)
    first, second = await setup.emma.list_messages(MARKETING)
    assert [block["type"] for block in first.blocks or []] == ["section", "context"]
    assert [block["type"] for block in second.blocks or []] == ["section", "card"]


@pytest.mark.parametrize("trouble", [{"error": "fatal_error"}, {"status": 503}, {"lose_answer": True}])
async def test_where_nothing_works_it_is_a_fault(setup: Setup, trouble: dict[str, object]) -> None:
    setup.slack.faults.add("response_url", status=404, times=None)
    for method in ("chat.postEphemeral", "chat.postMessage"):
        setup.slack.faults.add(method, times=None, **trouble)  # type: ignore[arg-type] # a table of keywords
    with pytest.raises(DependencyError, match=r"fault\.slack"):
        await setup.responder.reply_privately(setup.reply_target(), HELLO)


async def test_what_is_shared_is_for_all(setup: Setup) -> None:
    await setup.responder.reply_publicly(setup.reply_target(), HELLO)
    assert await setup.read_messages() == [("Hello", False)]


async def test_a_channel_without_the_bot_is_reached_by_the_response_url(setup: Setup) -> None:
    setup.slack.faults.add("chat.postMessage", error="not_in_channel", times=None)
    await setup.responder.reply_publicly(setup.reply_target(RANDOM), HELLO)
    assert await setup.read_messages(RANDOM) == [("Hello", False)]


async def test_a_channel_that_takes_no_message_is_not_flowbots_fault(setup: Setup) -> None:
    setup.slack.faults.add("chat.postMessage", error="is_archived", times=None)
    with pytest.raises(UserError, match=r"share\.refused\(why=Text\(key='place\.archived'"):
        await setup.responder.reply_publicly(setup.reply_target(), HELLO)


async def test_who_is_not_in_the_channel_is_told_directly(setup: Setup) -> None:
    setup.slack.workspace.channels[MARKETING].members.remove(EMMA)
    await setup.responder.notify_person(ChannelId(MARKETING), UserId(EMMA), HELLO)
    assert await setup.read_messages(setup.slack.workspace.open_direct_message(EMMA).id) == [("Hello", False)]


async def test_who_has_left_is_not_told_and_that_is_no_fault(setup: Setup) -> None:
    del setup.slack.workspace.people[EMMA]
    await setup.responder.notify_person(ChannelId(MARKETING), UserId(EMMA), HELLO)


@pytest.mark.parametrize("passing", ["chat.postEphemeral", "chat.postMessage"])
async def test_who_may_be_reached_later_is_not_given_up(setup: Setup, passing: str) -> None:
    for method in ("chat.postEphemeral", "chat.postMessage"):
        setup.slack.faults.add(method, error="internal_error" if method == passing else "channel_not_found", times=None)
    with pytest.raises(DependencyError, match=r"fault\.slack"):
        await setup.responder.notify_person(ChannelId(MARKETING), UserId(EMMA), HELLO)


LONG: Final = Message((section(plain("Hello")), *[section(plain("x" * 3000))] * 4))


@pytest.mark.parametrize("refusal", ["msg_blocks_too_long", "invalid_blocks"])
@pytest.mark.parametrize("way", ["response_url", "chat.postEphemeral", "chat.postMessage", "chat.update"])
async def test_a_message_that_slack_refuses_for_its_length_is_sent_shorter(
    setup: Setup, way: str, refusal: str
) -> None:
    setup.slack.faults.add(way, error=refusal, longer_than=3000, times=None)
    match way:
        case "chat.postMessage":
            await setup.responder.reply_publicly(setup.reply_target(), LONG)
        case "chat.update":
            await setup.poster.edit(*await setup.poster.post(ChannelId(MARKETING), HELLO), LONG)
        case _:
            url = None if way == "response_url" else ""
            await setup.responder.reply_privately(setup.reply_target(url=url), LONG)
    ((text, _),) = await setup.read_messages()
    assert text.startswith("Hello\nxxx")
    assert len(text) <= 3000
    assert setup.count_shortened(way) == {"length": 1, refusal: 1}


async def test_a_message_that_stays_refused_is_given_up(setup: Setup) -> None:
    setup.slack.faults.add("chat.postMessage", error="invalid_blocks", times=None)
    with pytest.raises(MessageRefusedError):
        await setup.poster.post(ChannelId(MARKETING), LONG)
