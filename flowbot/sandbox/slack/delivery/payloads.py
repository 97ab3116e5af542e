"""The payloads of commands, interactions and events, with all the fields that Slack sends."""

import re
import time
import uuid

from flowbot.sandbox.slack.blocks import PlacedElement
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Channel, Json, Message, Person, Team, View
from flowbot.sandbox.slack.serializers import serialize_message, serialize_view
from flowbot.sandbox.slack.workflows import EVENT, StepRun
from flowbot.sandbox.slack.workspace import generate_id


def build_command(context: Context, person: Person, channel: Channel, command: str, text: str) -> Json:
    """Return the form fields of a slash command; `text` is escaped already."""
    return {
        "token": context.build_app_fields()["token"],
        "team_id": person.team.id,
        "team_domain": person.team.domain,
        "channel_id": channel.id,
        "channel_name": redact_channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": context.workspace.app_id,
        "is_enterprise_install": str(context.workspace.is_enterprise_install).lower(),
        **({"enterprise_id": person.team.enterprise} if person.team.enterprise else {}),
        "response_url": context.issue_response_url("commands", channel.id, person.id),
        "trigger_id": context.trigger_ids.issue(person.id),
    }


def redact_channel_name(channel: Channel) -> str:
    """Return the name that payloads carry; Slack hides those of private conversations."""
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _user_fields(person: Person) -> Json:
    return {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team.id}


def _team_fields(context: Context, team: Team) -> Json | None:
    """Return the team of an interaction; an organisation-wide installation's payloads have none."""
    if context.workspace.is_enterprise_install:
        return None
    return {"id": team.id, "domain": team.domain, **({"enterprise_id": team.enterprise} if team.enterprise else {})}


def build_action(placed: PlacedElement, chosen: Json) -> Json:
    """Return the entry of `actions` for an element; `chosen` is the value's part, such as `selected_option`."""
    copied = ("type", "text", "value", "url", "style", "placeholder", "confirm", "accessibility_label")
    return {
        "action_id": placed.action_id,
        "block_id": placed.block_id,
        **{key: placed.element[key] for key in copied if key in placed.element},
        **{key: value for key, value in placed.element.items() if key.startswith("initial_")},
        **chosen,
        "action_ts": f"{time.time():.6f}",
    }


def build_message_action(context: Context, person: Person, message: Message, action: Json, state: Json) -> Json:
    """Return `block_actions` of a message; an ephemeral message is left out of the payload."""
    channel = context.workspace.channels[message.channel]
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    return {
        "type": "block_actions",
        "user": _user_fields(person),
        **context.build_app_fields(),
        "container": container,
        "trigger_id": context.trigger_ids.issue(person.id),
        "team": _team_fields(context, context.workspace.team),
        "channel": {"id": channel.id, "name": redact_channel_name(channel)},
        **({} if message.is_ephemeral else {"message": serialize_message(context.workspace, message)}),
        "state": {"values": state},
        "response_url": context.issue_response_url("actions", channel.id, person.id, message.ts),
        "actions": [action],
    }


def build_view_action(context: Context, person: Person, view: View, action: Json) -> Json:
    """Return `block_actions` of a modal or Home: no channel, no response URL."""
    return {
        "type": "block_actions",
        "user": _user_fields(person),
        **context.build_app_fields(),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": context.trigger_ids.issue(person.id, view.id if view.type == "modal" else None),
        "team": _team_fields(context, person.team),
        "view": serialize_view(context.workspace, view),
        "actions": [action],
    }


def build_shortcut(context: Context, person: Person, callback_id: str, message: Message | None = None) -> Json:
    """Return `shortcut`, or `message_action` for one of a message's menu: it alone has a channel and a response URL."""
    shortcut: Json = {
        "type": "shortcut",
        **context.build_app_fields(),
        "action_ts": f"{time.time():.6f}",
        "team": _team_fields(context, person.team if message is None else context.workspace.team),
        "user": _user_fields(person),
        "callback_id": callback_id,
        "trigger_id": context.trigger_ids.issue(person.id),
    }
    if message is None:
        return shortcut
    channel = context.workspace.channels[message.channel]
    return shortcut | {
        "type": "message_action",
        "channel": {"id": channel.id, "name": redact_channel_name(channel)},
        "message_ts": message.ts,
        "message": serialize_message(context.workspace, message),
        "response_url": context.issue_response_url("app", channel.id, person.id),
    }


def build_block_suggestion(
    context: Context, person: Person, container: Message | View, ids: tuple[str, str], typed: str
) -> Json:
    """Return `block_suggestion` for text typed into an external select.

    Args:
        context: The stand-in's parts.
        person: The person who types.
        container: The message or view with the select.
        ids: The block's and the select's id.
        typed: The text so far.
    """
    if isinstance(container, View):
        place = {
            "container": {"type": "view", "view_id": container.id},
            "view": serialize_view(context.workspace, container),
        }
    else:
        channel = context.workspace.channels[container.channel]
        place = {
            "container": {"type": "message", "message_ts": container.ts, "channel_id": channel.id},
            "channel": {"id": channel.id, "name": redact_channel_name(channel)},
        }
    return {
        "type": "block_suggestion",
        "user": _user_fields(person),
        **context.build_app_fields(),
        "team": _team_fields(context, context.workspace.team),
        **place,
        "block_id": ids[0],
        "action_id": ids[1],
        "value": typed,
    }


def build_view_submission(context: Context, person: Person, view: View) -> Json:
    """Return `view_submission`, with response URLs for the conversations chosen for that."""
    response_urls = []
    for block in view.blocks:
        element = block.get("element") or {}
        if element.get("response_url_enabled"):
            entry = view.values[block["block_id"]][element["action_id"]]
            channel = entry.get("selected_conversation") or entry.get("selected_channel")
            if channel:
                response_urls.append(
                    {
                        "block_id": block["block_id"],
                        "action_id": element["action_id"],
                        "channel_id": channel,
                        "response_url": context.issue_response_url("app", channel, person.id),
                    }
                )
    return {
        "type": "view_submission",
        "team": _team_fields(context, person.team),
        "user": _user_fields(person),
        **context.build_app_fields(),
        "trigger_id": context.trigger_ids.issue(person.id, view.id),
        "view": serialize_view(context.workspace, view),
        "response_urls": response_urls,
    }


def build_view_closed(context: Context, person: Person, view: View, *, cleared: bool) -> Json:
    """Return `view_closed`; `cleared` when the whole stack was closed."""
    return {
        "type": "view_closed",
        "team": _team_fields(context, person.team),
        "user": _user_fields(person),
        **context.build_app_fields(),
        "view": serialize_view(context.workspace, view),
        "is_cleared": cleared,
    }


def build_home_opened(context: Context, person: Person, channel: Channel, home: View | None) -> Json:
    """Return the event `app_home_opened` in its callback."""
    event: Json = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel.id,
        "tab": "home",
        "event_ts": f"{time.time():.6f}",
    }
    if home is not None:
        event["view"] = serialize_view(context.workspace, home)
    return build_event_callback(context, event)


def build_app_mention(context: Context, person: Person, message: Message) -> Json:
    """Return the event `app_mention` in its callback. Unlike commands, messages refer to everything by id alone."""
    channel = context.workspace.channels[message.channel]
    event: Json = {
        "type": "app_mention",
        "user": person.id,
        "ts": message.ts,
        "client_msg_id": str(uuid.uuid4()),
        "text": re.sub(r"<((?:[@#]|!subteam\^)\w+)\|[^<>]*>", r"<\1>", message.text),
        "team": context.workspace.team.id,
        "channel": channel.id,
        "event_ts": message.ts,
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    if message.edited_ts:
        event["edited"] = {"user": person.id, "ts": message.edited_ts}
    if context.workspace.is_external(person):
        event |= {"user_team": person.team.id, "source_team": person.team.id}
    return build_event_callback(context, event) | {"is_ext_shared_channel": channel.is_shared}


def build_function_executed(context: Context, run: StepRun) -> Json:
    """Return the event `function_executed` in its callback: a workflow runs one of the app's steps."""
    function, now = context.workflows.functions[run.callback_id], int(time.time())
    event = {
        "type": EVENT,
        "function": {
            "id": generate_id("Fn"),
            "callback_id": run.callback_id,
            "title": function["title"],
            "description": function["description"],
            "type": "app",
            "input_parameters": list(function["input_parameters"].values()),
            "output_parameters": list(function["output_parameters"].values()),
            "app_id": context.workspace.app_id,
            "date_created": now,
            "date_updated": now,
            "date_deleted": 0,
            "form_enabled": False,
        },
        "inputs": run.inputs,
        "function_execution_id": run.id,
        "workflow_execution_id": generate_id("Wx"),
        "event_ts": f"{time.time():.6f}",
        "bot_access_token": run.token,
    }
    return build_event_callback(context, event)


def build_event_callback(context: Context, event: Json) -> Json:
    """Return the wrapper that every event is delivered in."""
    team_id = context.workspace.team.id
    return {
        "token": context.build_app_fields()["token"],
        "team_id": team_id,
        "context_team_id": team_id,
        "context_enterprise_id": context.workspace.team.enterprise,
        "api_app_id": context.workspace.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": generate_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": context.workspace.team.enterprise,
                "team_id": None if context.workspace.is_enterprise_install else team_id,
                "user_id": context.workspace.bot.id,
                "is_bot": True,
                "is_enterprise_install": context.workspace.is_enterprise_install,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{generate_id('E')}",
    }
