"""The payloads of commands, interactions and events, with all the fields that Slack sends."""

import time

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Channel, Json, Message, Person, View
from flowbot.sandbox.slack.serializers import serialize_message, serialize_view
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
        "is_enterprise_install": "false",
        "response_url": context.issue_response_url("commands", channel.id, person.id),
        "trigger_id": context.trigger_ids.issue(person.id),
    }


def redact_channel_name(channel: Channel) -> str:
    """Return the name that payloads carry; Slack hides those of private conversations."""
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _who(person: Person) -> Json:
    return {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team.id}


def _team(context: Context) -> Json:
    return {"id": context.workspace.team.id, "domain": context.workspace.team.domain}


def _persons_team(person: Person) -> Json:
    return {"id": person.team.id, "domain": person.team.domain}


def build_message_action(context: Context, person: Person, message: Message, action: Json, state: Json) -> Json:
    """Return `block_actions` of a message; an ephemeral one is not in the payload."""
    channel = context.workspace.channels[message.channel]
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    seen = {} if message.is_ephemeral else {"message": serialize_message(context.workspace, message)}
    return {
        "type": "block_actions",
        "user": _who(person),
        **context.build_app_fields(),
        "container": container,
        "trigger_id": context.trigger_ids.issue(person.id),
        "team": _team(context),
        "channel": {"id": channel.id, "name": redact_channel_name(channel)},
        **seen,
        "state": {"values": state},
        "response_url": context.issue_response_url("actions", channel.id, person.id, message.ts),
        "actions": [action],
    }


def build_view_action(context: Context, person: Person, view: View, action: Json) -> Json:
    """Return `block_actions` of a modal or Home: no channel, no response URL."""
    return {
        "type": "block_actions",
        "user": _who(person),
        **context.build_app_fields(),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": context.trigger_ids.issue(person.id, view.id if view.type == "modal" else None),
        "team": _persons_team(person),
        "view": serialize_view(context.workspace, view),
        "actions": [action],
    }


def build_block_suggestion(context: Context, person: Person, ids: Json, value: str, container: Json) -> Json:
    """Return `block_suggestion`: somebody types into an external select.

    Args:
        context: The stand-in's parts.
        person: Who types.
        ids: `block_id` and `action_id` of the select.
        value: What is typed so far.
        container: The `container` field and, with it, `view`, or `channel` and `message`.
    """
    return {
        "type": "block_suggestion",
        "user": _who(person),
        **context.build_app_fields(),
        "team": _team(context),
        **container,
        **ids,
        "value": value,
    }


def build_view_submission(context: Context, person: Person, view: View) -> Json:
    """Return `view_submission`, with response URLs for the conversations chosen for that."""
    return {
        "type": "view_submission",
        "team": _persons_team(person),
        "user": _who(person),
        **context.build_app_fields(),
        "trigger_id": context.trigger_ids.issue(person.id, view.id),
        "view": serialize_view(context.workspace, view),
        "response_urls": _response_urls(context, person, view),
    }


def _response_urls(context: Context, person: Person, view: View) -> list[Json]:
    chosen = []
    for block in view.blocks:
        element = block.get("element") or {}
        if element.get("response_url_enabled"):
            entry = view.values[block["block_id"]][element["action_id"]]
            channel = entry.get("selected_conversation") or entry.get("selected_channel")
            if channel:
                chosen.append((block["block_id"], element["action_id"], channel))
    return [
        {
            "block_id": block_id,
            "action_id": action_id,
            "channel_id": channel,
            "response_url": context.issue_response_url("app", channel, person.id),
        }
        for block_id, action_id, channel in chosen
    ]


def build_view_closed(context: Context, person: Person, view: View, *, cleared: bool) -> Json:
    """Return `view_closed`; `cleared` when the whole stack was closed."""
    return {
        "type": "view_closed",
        "team": _persons_team(person),
        "user": _who(person),
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


def build_event_callback(context: Context, event: Json) -> Json:
    """Return the outer form in which every event is delivered."""
    team_id = context.workspace.team.id
    return {
        "token": context.build_app_fields()["token"],
        "team_id": team_id,
        "context_team_id": team_id,
        "context_enterprise_id": None,
        "api_app_id": context.workspace.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": generate_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team_id,
                "user_id": context.workspace.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{generate_id('E')}",
    }
