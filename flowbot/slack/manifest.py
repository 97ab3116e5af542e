"""The manifest of the Slack app: what Slack is asked for, in either way in."""

import json
import socket
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from flowbot.domain.step import StepKind
from flowbot.errors import ConfigurationError
from flowbot.slack.payloads.action_ids import ShortcutId
from flowbot.slack.payloads.events import EVENT_MODELS, STEP_EXECUTED

LOCAL_NAMES: Final = (".local", ".localdomain", ".internal", ".lan", ".arpa")
"""Ends of names that no public one has."""
EVENTS_PATH: Final = "/slack/events"
"""Where flowbot answers Slack in HTTP mode."""
SCOPES: Final = (
    "commands",
    "chat:write",
    "chat:write.public",
    "files:read",
    "files:write",
    "users:read",
    "usergroups:read",
    "channels:read",
    "groups:read",
    "app_mentions:read",
)
"""What the bot may do in Slack; each is used."""
LONG_DESCRIPTION: Final = (
    "flowbot runs your Enkapush push flows from Slack. List and search them, see one as a subscriber sees it, and "
    "create, edit, duplicate, enable, disable or delete flows. What reaches subscribers needs your team's approval: "
    "what was approved is what happens. Each channel has its own rules; nothing is possible in a channel without them. "
    "The Home tab shows what needs you. Start with /flows help."
)
HEADER: Final = (
    "# Create the app from this: https://api.slack.com/apps → Create New App → From a manifest.\n"
    "# Printed by flowbot manifest.\n"
)
WIDTH: Final = 120


class StepParameter(NamedTuple):
    """An input or output of a step for Workflow Builder; `type` is one of Slack's."""

    name: str
    type: str
    title: str
    description: str
    is_required: bool = False


_PERSON: Final = StepParameter("person", "slack#/types/user_id", "Person", "Who is asked, by a direct message", True)
_CHANNEL: Final = StepParameter("channel", "slack#/types/channel_id", "Channel", "The channel whose rules apply", True)
_OUTCOMES: Final = "applied, rejected, withdrawn, expired, out_of_date, failed or unknown"
_OUTPUTS: Final = (
    StepParameter("outcome", "string", "Outcome", _OUTCOMES, True),
    StepParameter("flow", "integer", "Flow", "The flow's number, where there is one"),
    StepParameter("decided_by", "slack#/types/user_id", "Decided by", "Who decided last, where somebody did"),
)
_PREFILLED_TITLES: Final = {"name": "Name", "title": "Title", "description": "Description", "url": "URL"}
_CREATE_INPUTS: Final = (
    _PERSON,
    _CHANNEL,
    *(
        StepParameter(name, "string", title, "Fills the form's field; the person may change it")
        for name, title in _PREFILLED_TITLES.items()
    ),
)
_ENABLE_INPUTS: Final = (
    _PERSON,
    _CHANNEL,
    StepParameter("flow", "integer", "Flow", "The flow's number", True),
    StepParameter("reason", "string", "Reason", "Shown to those who approve"),
)


def find_own_address() -> str:
    """Return the https address by this machine's own name.

    Raises:
        ConfigurationError: its name is none that Slack could find.
    """
    name = socket.getfqdn()
    if "." not in name or name.endswith(LOCAL_NAMES):
        raise ConfigurationError(f"--http: this machine's name, {name}, is no public one; use --url https://HOST")
    return f"https://{name}"


def build_manifest(url: str | None, *, with_steps: bool = False) -> dict[str, Any]:
    """Build the manifest.

    Args:
        url: HTTP mode: the public address of flowbot, such as `https://flowbot.example.com`; None for Socket Mode.
        with_steps: whether it has the steps for Workflow Builder, which not every workspace takes.

    Raises:
        ConfigurationError: the address is none that Slack takes.
    """
    address = None if url is None else _events_address(url)
    to_flowbot = {} if address is None else {"request_url": address}
    events = sorted(EVENT_MODELS if with_steps else EVENT_MODELS.keys() - {STEP_EXECUTED})
    return {
        "display_information": {
            "name": "flowbot",
            "description": "Your Enkapush push flows, with your team's approval.",
            "long_description": LONG_DESCRIPTION,
            "background_color": "#4a1d6e",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "flowbot", "always_online": True},
            "slash_commands": [
                {
                    "command": "/flows",
                    **({} if address is None else {"url": address}),
                    "description": "Show, create and change push flows, with your team's approval",
                    "usage_hint": "[list | show 12 | create | enable 12 at mon 09:00 | approvals | help]",
                    "should_escape": True,
                }
            ],
            "shortcuts": [
                {
                    "name": "Push flows",
                    "type": "global",
                    "callback_id": str(ShortcutId.WINDOW),
                    "description": "See the push flows of your channels",
                },
                {
                    "name": "Make a push of this message",
                    "type": "message",
                    "callback_id": str(ShortcutId.MESSAGE),
                    "description": "Open the form of a new push flow with the message's text",
                },
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        **({"functions": _build_functions()} if with_steps else {}),
        "settings": {
            "event_subscriptions": {**to_flowbot, "bot_events": events},
            "interactivity": {
                "is_enabled": True,
                **to_flowbot,
                **({} if address is None else {"message_menu_options_url": address}),
            },
            "org_deploy_enabled": with_steps,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
            **({"function_runtime": "remote"} if with_steps else {}),
        },
    }


def _build_functions() -> dict[str, Any]:
    """Build the steps for Workflow Builder, which a listener of each answers."""
    return {
        str(StepKind.CREATE): {
            "title": "Create a flow",
            "description": "Asks somebody to create a push flow, and waits until they have",
            "input_parameters": _build_parameters(_CREATE_INPUTS),
            "output_parameters": _build_parameters(_OUTPUTS),
        },
        str(StepKind.ENABLE): {
            "title": "Ask to enable a flow",
            "description": "Asks somebody to request approval to enable a push flow, and waits until that is decided",
            "input_parameters": _build_parameters(_ENABLE_INPUTS),
            "output_parameters": _build_parameters(_OUTPUTS),
        },
    }


def _build_parameters(parameters: Iterable[StepParameter]) -> dict[str, Any]:
    """Build the parameters of a step, each by its name."""
    return {each.name: each._asdict() for each in parameters}


def format_manifest(manifest: dict[str, Any], *, as_json: bool) -> str:
    """Format the manifest as YAML, as Slack's page takes it, or as JSON."""
    if as_json:
        return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    import yaml  # noqa: PLC0415 - only a command needs it

    return HEADER + yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=WIDTH)


def _events_address(url: str) -> str:
    """Return the address of Slack's requests below a public one."""
    try:
        parts = urlsplit(url)
        is_typo = parts.port == 0
    except ValueError:
        raise ConfigurationError(f"--url: {url} is no https:// address") from None
    # It drops line ends, and takes spaces for a part of the name.
    is_typo = is_typo or not url.isprintable() or " " in url
    if is_typo or parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(f"--url: {url} is no https:// address")
    return url.rstrip("/").removesuffix(EVENTS_PATH) + EVENTS_PATH
