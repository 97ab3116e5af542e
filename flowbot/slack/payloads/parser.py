"""The parser of requests: each to the model of its kind."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from flowbot.slack.payloads.events import EVENT_MODELS, STEP_EXECUTED, StepExecuted
from flowbot.slack.payloads.incoming import (
    COMMAND_NAME,
    BlockActions,
    BlockSuggestion,
    FormEvent,
    Incoming,
    MessageShortcut,
    Shortcut,
    SlashCommand,
)

UNUSED_TYPES: Final = frozenset(
    {
        "interactive_message",
        "dialog_submission",
        "dialog_cancellation",
        "dialog_suggestion",
        "workflow_step_edit",
        "workflow_step_execute",
        "assistant_thread_started",
        "assistant_thread_context_changed",
    }
)
"""Requests of features that flowbot has not. Bolt takes some for presses, and fails on parts that others may lack."""

INTERACTION_MODELS: Final[Mapping[str, type[Incoming]]] = {
    "block_actions": BlockActions,
    "block_suggestion": BlockSuggestion,
    "message_action": MessageShortcut,
    "shortcut": Shortcut,
    "view_closed": FormEvent,
    "view_submission": FormEvent,
}


def parse_incoming(body: dict[str, Any]) -> Incoming | None:
    """Return the request as the model of its kind; None where it is malformed. An unexpected event is any request."""
    match body:
        case {"type": str(kind)} if kind in UNUSED_TYPES:
            return None
        case {"type": "event_callback", "event": {"type": str(kind)}} if kind in UNUSED_TYPES:
            return None
        case {"command": str(command)} if command == COMMAND_NAME:
            models: tuple[type[Incoming], ...] = (SlashCommand,)
        case {"type": str(kind)} if kind in INTERACTION_MODELS:
            models = (INTERACTION_MODELS[kind],)
        case {"type": "event_callback", "event": {"type": str(kind)}} if kind == STEP_EXECUTED:
            # Bolt takes its parts for granted.
            models = (StepExecuted,)
        case {"type": "event_callback", "event": {"type": str(kind)}} if kind in EVENT_MODELS:
            models = (EVENT_MODELS[kind], Incoming)
        case _:
            models = (Incoming,)
    for model in models:
        try:
            return model.model_validate(body)
        except ValidationError:
            continue
    return None
