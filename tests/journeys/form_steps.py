"""Steps at the flow form: open it, fill it in, and see what Enkapush gets."""

import base64
from typing import Any, Final

from flowbot.sandbox.enkapush import LoggedRequest, Segment
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.sandbox.slack.people.controls import find_field
from tests.journeys.world import MARKETING, World

PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel."""
_VP8: Final = b"\0\0\0\x9d\x01\x2a\1\0\1\0".ljust(1996, b"\0")
WEBP: Final = b"RIFF" + (12 + len(_VP8)).to_bytes(4, "little") + b"WEBPVP8 " + len(_VP8).to_bytes(4, "little") + _VP8
"""One pixel, in 2 KB."""
WEBSITE_LABELS: Final = frozenset({"Website", "Web sitesi"})
REQUIRED_FIELDS: Final = {"Name": "Spring", "Title": "Spring is here", "Description": "Look at what is new."}
"""What has to be typed for a new flow."""


def is_form(view: View) -> bool:
    """Check whether the view is a form by now, and not its loading view."""
    return view.submit is not None


def submit_label(view: View) -> str:
    """Return the label of the form's submit button."""
    return text_of(view.submit or {})


async def open_form(person: SandboxPerson, command: str, channel: str = MARKETING) -> View:
    """Open a form by a command, and wait until it is filled; the first of several websites is chosen."""
    await person.send(channel, command)
    view = await person.wait_for_view(is_form)
    choose_first_website(person, view)
    return view


def choose_first_website(person: SandboxPerson, form: View) -> None:
    """Choose the first of several websites in an open form, where none is chosen yet."""
    for label in WEBSITE_LABELS.intersection(person.list_fields()):
        element = find_field(form.blocks, label).element
        if person.read_field(label) is None and element["type"] == "static_select":
            person.fill(label, element["options"][0]["text"]["text"])


async def choose_website(person: SandboxPerson, form: View, name: str = "Lale Moda") -> View:
    """Choose a website in an open form, and wait until its segments are offered."""
    await person.choose(form, "Website", name)
    return await person.wait_for_view(lambda view: '"website":' in (view.private_metadata or ""))


async def wait_for_result(person: SandboxPerson, text: str, channel: str = MARKETING) -> Message:
    """Wait for the message that follows a saved form."""
    return await person.wait_for_message(channel, text)


async def wait_for_reopened_form(person: SandboxPerson, reason: str) -> View:
    """Wait until the form is back with a reason on top."""
    return await person.wait_for_view(lambda view: is_form(view) and reason in text_of(view))


def field_errors(person: SandboxPerson, errors: dict[str, Any]) -> dict[str, str]:
    """Return the errors, keyed by the label of the field that shows them."""
    view = person.view
    assert view is not None
    labels = {block["block_id"]: block["label"]["text"] for block in view.blocks if block["type"] == "input"}
    return {labels[block_id]: sentence for block_id, sentence in errors.items()}


def read_fields(person: SandboxPerson) -> dict[str, Any]:
    """Read the value of every field of the open form."""
    return {label: person.read_field(label) for label in person.list_fields()}


def list_writes(world: World) -> list[LoggedRequest]:
    """List the requests other than reads that reached Enkapush."""
    return [record for record in world.enkapush.requests if record.method != "GET"]


def sent_fields(world: World) -> dict[str, str]:
    """Return the text fields of the one write that reached Enkapush."""
    (record,) = list_writes(world)
    return record.texts


def add_segments(world: World, website: int, *names: str) -> list[int]:
    """Add segments to a website, and return their ids."""
    first = max(world.enkapush.store.segments, default=0) + 1
    for number, name in enumerate(names, first):
        now = world.enkapush.store.now()
        world.enkapush.store.add_segment(Segment(id=number, website_id=website, name=name, datetime=now))
    return list(range(first, first + len(names)))


def add_flow(world: World, **fields: Any) -> int:
    """Add a flow with every setting away from its default, and return its id."""
    given: dict[str, Any] = {
        "website_id": 1,
        "name": "Old name",
        "title": "Old title",
        "description": "Old text",
        "url": "https://lale.example/old",
        "wait_time": 3,
        "wait_time_type": "hours",
        "ttl": 86400,
        "is_silent": True,
        "is_auto_hide": False,
        "button_title_1": "Old button",
        "button_url_1": "https://lale.example/button",
        "segment": "7",
        "utm_source": "old",
    }
    return world.enkapush.store.add_flow(**(given | fields)).id
