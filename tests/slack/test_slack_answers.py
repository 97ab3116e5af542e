"""Every answer that Slack's documentation names, and some that it does not, to every method in use."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.images import ImageUpload
from flowbot.errors import FlowbotError, SlackFaultError, UserError
from flowbot.sandbox.slack import BOT_TOKEN, SlackSandbox
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.channels import SlackChannelDirectory
from flowbot.slack.api.client import create_web_client, open_session
from flowbot.slack.api.errors import PASSING, PLACE_KEYS, UNREACHABLE, describe_refusal
from flowbot.slack.api.files import SlackFiles
from flowbot.slack.api.message_sender import MessageSender
from flowbot.slack.api.messages import (
    AnswerLostError,
    MessageGoneError,
    MessagePoster,
    MessageRefusedError,
    Responder,
)
from flowbot.slack.api.modals import Modals
from flowbot.slack.api.users import SlackUserDirectory
from flowbot.slack.payloads.incoming import ReplyTarget
from flowbot.slack.views.block_kit import plain, section
from flowbot.slack.views.message import Message

MARKETING, EMMA = ChannelId("C0MARKETING"), UserId("U0EMMA")
HELLO: Final = Message((section(plain("Hello")),))
VIEW: Final = {"type": "modal", "title": plain("A form"), "blocks": [section(plain("Hello"))]}

ANY: Final = """
    access_denied accesslimited account_inactive deprecated_endpoint ekm_access_denied enterprise_is_restricted
    fatal_error internal_error invalid_arg_name invalid_arguments invalid_array_arg invalid_auth invalid_charset
    invalid_form_data invalid_post_type method_deprecated missing_post_type missing_scope no_permission
    not_allowed_token_type not_authed org_login_required ratelimited request_timeout service_unavailable
    team_access_not_granted team_added_to_org token_expired token_revoked two_factor_setup_required unknown_method
    an_error_of_tomorrow
"""
POSTING: Final = """
    as_user_not_supported cannot_reply_to_message channel_not_found channel_type_not_supported invalid_blocks
    duplicate_channel_not_found invalid_blocks_format invalid_metadata_format is_archived is_inactive
    message_limit_exceeded messages_tab_disabled msg_blocks_too_long msg_too_long no_text not_in_channel rate_limited
    restricted_action
    restricted_action_non_threadable_channel restricted_action_read_only_channel restricted_action_thread_locked
    restricted_action_thread_only_channel slack_connect_file_link_sharing_blocked team_not_found thread_locked
    too_many_attachments too_many_contact_cards user_disabled user_not_found user_not_visible cannot_dm_bot
"""
VIEWS: Final = """
    duplicate_external_id exchanged_trigger_id expired_trigger_id hash_conflict invalid_trigger_id not_found
    push_limit_reached view_not_found view_too_large not_enabled user_not_found
"""
ERRORS: Final[dict[str, str]] = {
    "chat.postMessage": POSTING,
    "chat.postEphemeral": f"{POSTING} user_not_in_channel",
    "chat.update": f"""{POSTING} block_mismatch cant_broadcast_message cant_update_message edit_window_closed
        external_channel_migrating message_not_found streaming_state_conflict update_failed""",
    "conversations.info": "channel_not_found method_not_supported_for_channel_type",
    "conversations.members": "channel_not_found fetch_members_failed invalid_cursor invalid_limit limit_required",
    "users.conversations": "invalid_cursor invalid_limit invalid_types method_not_supported_for_channel_type",
    "users.info": "user_not_found user_not_visible cannot_find_user",
    "usergroups.list": "permission_denied plan_upgrade_required paid_teams_only",
    "usergroups.users.list": "no_such_subteam permission_denied",
    "views.open": VIEWS,
    "views.push": VIEWS,
    "views.update": VIEWS,
    "files.info": "file_not_found file_deleted timezone_count",
    "auth.test": "",
}
"""The errors that the documentation of each method names, beside those that any method may answer with."""
BODIES: Final = {
    "HTML": "<html>Back soon</html>",
    "no text": "",
    "half of it": '{"ok": true, "ts": "1.',
    "null": "null",
    "a number": "5",
    "a list": '[{"ok": true}]',
    "a word": '"ok"',
    "no word of how it went": "{}",
    "no error": '{"ok": false}',
    "a null for the error": '{"ok": false, "error": null}',
    "an object for the error": '{"ok": false, "error": {"code": 1}}',
    "nothing but ok": '{"ok": true}',
    "nulls": """{"ok": true, "ts": null, "channel": null, "view": null, "user": null, "members": null, "users": null,
        "usergroups": null, "file": null, "url": null, "team_id": null}""",
    "lists": """{"ok": true, "ts": [], "channel": [], "view": [], "user": [], "members": {}, "users": {},
        "usergroups": {}, "file": [], "url": [], "team_id": []}""",
}
Call = Callable[[], Awaitable[object]]


class Calls:
    """The stand-in Slack, and what calls each of its methods."""

    def __init__(self, slack: SlackSandbox, client: AsyncWebClient, responder: Responder, files: SlackFiles) -> None:
        sender, modals = MessageSender(client), Modals(client)

        async def find_named() -> frozenset[str]:
            return frozenset({"S0LEADS"})

        async def list_groups_one_by_one() -> object:
            slack.faults.add("usergroups.list", error="unknown_method")
            return await users.list_groups()

        self.slack = slack
        self.poster = MessagePoster(sender)
        users = SlackUserDirectory(client, find_named)  # type: ignore[arg-type] # ids are texts
        self.by_method: dict[str, Call] = {
            "chat.postMessage": lambda: self.poster.post(MARKETING, HELLO),
            "chat.postEphemeral": lambda: responder.notify_person(MARKETING, EMMA, HELLO),
            "chat.update": lambda: self.poster.edit(MARKETING, "1.1", HELLO),
            "conversations.info": lambda: SlackChannelDirectory(client).is_shared(MARKETING),
            "conversations.members": lambda: users.list_members(MARKETING),
            "users.conversations": lambda: users.list_channels(EMMA),
            "users.info": lambda: users.get_profile(EMMA),
            "usergroups.list": users.list_groups,
            "usergroups.users.list": list_groups_one_by_one,
            "views.open": lambda: modals.open("1.trigger", VIEW),
            "views.push": lambda: modals.push("1.trigger", VIEW),
            "views.update": lambda: modals.replace_loading("V1", VIEW),
            "files.info": lambda: files.fetch(ImageUpload("F1", "a.png", "")),
            "auth.test": users.get_organisation,
        }
        self.share: Call = lambda: responder.reply_publicly(ReplyTarget(MARKETING, EMMA, ""), HELLO)
        self.links = ArchiveLinks(client)


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    slack = SlackSandbox()
    async with slack.serve() as origin, open_session() as session:
        api = f"{origin}/api"
        client = create_web_client(api, BOT_TOKEN, session)
        responder = Responder(MessageSender(client), session, api)
        yield Calls(slack, client, responder, SlackFiles(client, session, api))


async def answer(call: Call) -> Exception | None:
    """Make a call, and return what it raised."""
    try:
        async with asyncio.timeout(5):
            await call()
    except Exception as error:  # noqa: BLE001 - the test says which it may be
        return error
    return None


OURS: Final = (FlowbotError, MessageRefusedError, MessageGoneError)


@pytest.mark.parametrize("method", ERRORS)
async def test_every_documented_error_is_one_that_flowbot_knows_what_to_do_with(calls: Calls, method: str) -> None:
    for code in [*ERRORS[method].split(), *ANY.split()]:
        calls.slack.faults.clear()
        calls.slack.faults.add(method, error=code, times=None)
        raised = await answer(calls.by_method[method])
        assert raised is None or isinstance(raised, OURS), (code, raised)
        # A passing refusal is never taken for the channel's or the person's.
        if code in PASSING:
            assert not isinstance(raised, MessageRefusedError | MessageGoneError), code


@pytest.mark.parametrize("method", ERRORS)
async def test_an_answer_that_cannot_be_read_is_a_fault_of_slacks(calls: Calls, method: str) -> None:
    for case, body in BODIES.items():
        calls.slack.faults.clear()
        calls.slack.faults.add(method, body=body, times=None)
        raised = await answer(calls.by_method[method])
        assert raised is None or isinstance(raised, OURS), (case, raised)
        if method == "chat.postMessage":
            # Slack may have it: it is not sent again with its mentions.
            assert isinstance(raised, AnswerLostError) is (case != "an object for the error"), (case, raised)


@pytest.mark.parametrize("ts", ["", "1", "1.1\ud800", "\ud800", "1.\u0661", "1.1\n", "now", f"{'1' * 40}.1", 1.1, None])
async def test_a_message_whose_time_cannot_be_read_may_have_been_posted(calls: Calls, ts: object) -> None:
    calls.slack.faults.add("chat.postMessage", body=json.dumps({"ok": True, "channel": MARKETING, "ts": ts}))
    assert isinstance(await answer(calls.by_method["chat.postMessage"]), AnswerLostError)


async def test_a_channel_that_takes_no_message_is_told_from_a_slack_that_takes_none(calls: Calls) -> None:
    for code in [*POSTING.split(), *sorted(PASSING)]:
        calls.slack.faults.clear()
        calls.slack.faults.add("chat.postMessage", error=code, times=None)
        posted, shared = [await answer(call) for call in (calls.by_method["chat.postMessage"], calls.share)]
        if code in PASSING:
            assert isinstance(posted, SlackFaultError), code
            assert isinstance(shared, SlackFaultError), code
        else:
            assert isinstance(posted, MessageRefusedError), code
            assert isinstance(shared, UserError), code
            assert shared.text.params["why"] == describe_refusal(MARKETING, code)


def test_a_suspension_of_the_whole_workspace_gives_nobody_up() -> None:
    assert {code for code, key in PLACE_KEYS.items() if key == "place.suspended"}.isdisjoint(UNREACHABLE)
    assert PASSING.isdisjoint(UNREACHABLE)
