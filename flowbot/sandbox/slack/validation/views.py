"""Rules of a modal or Home as a whole."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from flowbot.sandbox.slack.errors import SlackError, invalid
from flowbot.sandbox.slack.model import Json
from flowbot.sandbox.slack.validation.base import Strict, chars, text_chars
from flowbot.sandbox.slack.validation.check import check_blocks
from flowbot.sandbox.slack.validation.complaints import sentences
from flowbot.sandbox.slack.validation.objects import PlainText
from flowbot.sandbox.slack.workspace import Workspace

MAX_BYTES = 250_000
ShortText = Annotated[PlainText, text_chars(24)]


class _Frame(Strict):
    blocks: list[Json]
    callback_id: Annotated[str, chars(255, 0)] | None = None
    private_metadata: Annotated[str, chars(3000, 0)] | None = None
    external_id: Annotated[str, chars(255, 0)] | None = None


class Modal(_Frame):
    """A modal: title, submit and close have at most 24 characters."""

    type: Literal["modal"]
    title: ShortText
    submit: ShortText | None = None
    close: ShortText | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None


class Home(_Frame):
    """An App Home."""

    type: Literal["home"]


_FRAME: TypeAdapter[Any] = TypeAdapter(Annotated[Modal | Home, Field(discriminator="type")])


def check_view(view: Any, workspace: Workspace, kind: Literal["modal", "home"] | None) -> Json:
    """Check a view and return it; `kind` None takes both.

    Raises:
        SlackError: `view_too_large`, or `invalid_arguments` with the places that are wrong.
    """
    if len(json.dumps(view, ensure_ascii=False).encode()) > MAX_BYTES:
        raise SlackError("view_too_large")
    definition = _framed(view)
    if kind and definition["type"] != kind:
        raise invalid("invalid_arguments", [f"[ERROR] must be of type {kind} [json-pointer:/view/type]"])
    surface: Literal["modal", "home"] = "modal" if definition["type"] == "modal" else "home"
    check_blocks(definition["blocks"], surface, workspace, "/view/blocks", "invalid_arguments")
    if "submit" not in definition and any(b["type"] == "input" for b in definition["blocks"]):
        sentence = "[ERROR] missing required field: submit [json-pointer:/view]"
        raise invalid("invalid_arguments", [sentence])
    return definition


def _framed(view: Any) -> Json:
    try:
        _FRAME.validate_python(view)
    except ValidationError as error:
        raise invalid("invalid_arguments", sentences(error, view, "/view")) from error
    return dict(view)
