"""The one table of a flow's fields, and the values of its form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.flow import ALL_SUBSCRIBERS, DEFAULT_TTL_SECONDS, Flow, FlowContent, WriteOnlyFields
from flowbot.domain.ids import WebsiteId
from flowbot.domain.text import utf16_length

TTL_SECONDS: Final = (
    0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 1209600, 2419200,
)  # fmt: skip
"""The times to live that Enkapush allows (the API's page "Akışlar", `ttl`)."""
WAIT_UNITS: Final = {"minutes": "form.unit_minutes", "hours": "form.unit_hours", "days": "form.unit_days"}
"""The units of waiting that Enkapush allows (same page, `wait_time_type`), with the message's key of each."""
MAX_WAIT_BY_UNIT: Final = {"minutes": 525_600, "hours": 8_760, "days": 365}
"""365 days in each unit. Enkapush states no limit; a longer wait is most likely a slip."""

FormValues = Mapping[str, str]
"""The values of a form by field, as typed."""
FieldValue = str | int | None
"""The value of one field in a flow; a bool is an int."""
MAX_INPUT_UTF16: Final = 3000
"""The size of Slack's text fields, in UTF-16 units."""
MAX_CHOICE_UTF16: Final = 150
"""The size of an option's value in Slack's menus, in UTF-16 units."""


class FormKind(StrEnum):
    """The purposes of the form."""

    CREATE = "create"
    EDIT = "edit"
    DUPLICATE = "duplicate"

    @property
    def change_kind(self) -> ChangeKind:
        """Return the kind of change that the form submits: a duplicate is created like any new flow."""
        return ChangeKind.EDIT if self is FormKind.EDIT else ChangeKind.CREATE


class FieldKind(StrEnum):
    """The kinds of field. Each has its widget, and its way from what was typed to a value."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    URL = "url"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    CHOICE = "choice"
    TTL = "ttl"
    WEBSITE = "website"
    SEGMENT = "segment"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form, and what it stands for in a flow and at Enkapush.

    Attributes:
        label: The message's key of its label.
        attribute: What it sets: the path of an attribute of `FlowContent`, such as `wait.amount`, or a name in
            `WriteOnlyFields`. Empty for the image, which is a file.
        wire: Its name at Enkapush, where that is not the attribute's (the API's page "Akışlar").
        is_write_only: Whether it belongs to `WriteOnlyFields`: Enkapush never shows it.
        is_required: Whether Enkapush requires it of a new flow (same page, `POST /flows`).
        default: Its first value for a new flow.
        hint: The message's key of its hint, and `hints` of others by the form's kind.
        box: The message's key beside a checkbox.
        choices: The message's key of each value of a `CHOICE`.
        max_number: The highest value of a `NUMBER`.
    """

    kind: FieldKind
    label: str
    attribute: str
    wire: str = ""
    is_write_only: bool = False
    is_required: bool = False
    default: str = ""
    hint: str | None = None
    hints: Mapping[FormKind, str] = field(default_factory=dict)
    box: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    max_number: int = 999_999_999

    @property
    def is_read_back(self) -> bool:
        """Check whether it is part of `FlowContent`."""
        return bool(self.attribute) and not self.is_write_only

    @property
    def is_plain(self) -> bool:
        """Check whether it is an attribute of `FlowContent` by itself, not a part of one."""
        return self.is_read_back and "." not in self.attribute

    @property
    def wire_name(self) -> str:
        """Return its name at Enkapush."""
        return self.wire or self.attribute

    @property
    def max_utf16(self) -> int:
        """Return the size of its value in the form, in UTF-16 units."""
        return MAX_CHOICE_UTF16 if self.kind is FieldKind.CHOICE else MAX_INPUT_UTF16

    def get(self, content: FlowContent) -> FieldValue:
        """Return its value in the content, where it is read back."""
        value: FieldValue = attrgetter(self.attribute)(content)
        return value

    def hint_for(self, kind: FormKind) -> str | None:
        """Return the message's key of its hint in a form of this kind."""
        if self.is_write_only and kind is FormKind.EDIT:
            return "form.hint_untold"
        return self.hints.get(kind, self.hint)


FIELDS: Final[Mapping[str, FormField]] = {
    "website": FormField(FieldKind.WEBSITE, "field.website", "website_id", is_required=True),
    "name": FormField(FieldKind.TEXT, "field.name", "name", is_required=True, hint="form.hint_name"),
    "title": FormField(FieldKind.TEXT, "field.title", "title", is_required=True),
    "description": FormField(FieldKind.LONG_TEXT, "field.description", "description", is_required=True),
    "url": FormField(FieldKind.URL, "field.url", "url", hint="form.hint_url"),
    "image": FormField(
        FieldKind.IMAGE, "field.image", "", wire="image", hint="form.hint_image",
        hints={FormKind.EDIT: "form.hint_image_edit", FormKind.DUPLICATE: "form.hint_image_copy"},
    ),
    "wait": FormField(
        FieldKind.NUMBER, "field.wait", "wait.amount", wire="wait_time", is_required=True, default="1",
        hint="form.hint_wait", max_number=MAX_WAIT_BY_UNIT["minutes"],
    ),
    "wait_unit": FormField(
        FieldKind.CHOICE, "field.wait_unit", "wait.unit", wire="wait_time_type", is_required=True, default="days",
        choices=WAIT_UNITS,
    ),
    "segment": FormField(
        FieldKind.SEGMENT, "field.segment", "segment", is_write_only=True, default=ALL_SUBSCRIBERS,
        hint="form.hint_segment", hints={FormKind.DUPLICATE: "form.hint_segment_copy"},
    ),
    "button_1_title": FormField(
        FieldKind.TEXT, "field.button_title", "button_1.title", wire="button_title_1", hint="form.hint_button",
    ),
    "button_1_url": FormField(FieldKind.URL, "field.button_url", "button_1.url", wire="button_url_1"),
    "button_2_title": FormField(FieldKind.TEXT, "field.button_title", "button_2.title", wire="button_title_2"),
    "button_2_url": FormField(FieldKind.URL, "field.button_url", "button_2.url", wire="button_url_2"),
    "silent": FormField(FieldKind.CHECKBOX, "field.silent", "is_silent", box="form.box_silent"),
    "auto_hide": FormField(FieldKind.CHECKBOX, "field.auto_hide", "is_auto_hide", box="form.box_auto_hide"),
    "ttl": FormField(FieldKind.TTL, "field.ttl", "ttl", default=str(DEFAULT_TTL_SECONDS), hint="form.hint_ttl"),
    "utm_source": FormField(
        FieldKind.TEXT, "field.utm_source", "utm_source", is_write_only=True, hint="form.hint_utm",
    ),
    "utm_medium": FormField(FieldKind.TEXT, "field.utm_medium", "utm_medium", is_write_only=True),
    "utm_campaign": FormField(FieldKind.TEXT, "field.utm_campaign", "utm_campaign", is_write_only=True),
}  # fmt: skip
"""The one table of a flow's fields, by name, in the form's order.

The form, its validation, what is shown of a difference and what is read from and written to Enkapush are made from it.
In the form's values `image` holds the id of an image that is stored already, if any.
"""
FIELD_GROUPS: Final = (
    ("wait", "wait_unit"), ("button_1_title", "button_1_url"), ("button_2_title", "button_2_url"),
)  # fmt: skip
"""The fields that mean something only together."""
PLAIN_FIELDS: Final[Mapping[str, str]] = {each.attribute: name for name, each in FIELDS.items() if each.is_plain}
"""The names of the fields that are an attribute of `FlowContent` each, by that attribute."""
LABEL_KEYS: Final[Mapping[str, str]] = {
    **{attribute: FIELDS[name].label for attribute, name in PLAIN_FIELDS.items()},
    "wait": "field.wait",
    "button_1": "field.button",
    "button_2": "field.button",
    "image_url": "field.image",
    "is_enabled": "field.state",
    **{name: field.label for name, field in FIELDS.items() if field.is_write_only},
}
"""The labels of all that can differ between two flows (`domain.flow.flow_differences`) or two edits, by attribute."""
SETTINGS: Final = ("ttl", "is_silent", "is_auto_hide", "url", "button_1", "button_2")
"""The attributes that are listed below a push, in this order, after its wait and segment."""
_DEFAULTS: Final = {each.name: each.default for each in fields(FlowContent)}


def find_own_settings(content: FlowContent) -> dict[str, Any]:
    """Return the settings that are neither empty nor as a new flow has them, by attribute."""
    values = {name: getattr(content, name) for name in SETTINGS}
    return {name: value for name, value in values.items() if value is not None and value != _DEFAULTS[name]}


def default_values(website: WebsiteId | None) -> dict[str, str]:
    """Return the first values of the form for a new flow."""
    return {name: each.default for name, each in FIELDS.items()} | {"website": "" if website is None else str(website)}


def form_values(content: FlowContent) -> dict[str, str]:
    """Return the first values of the form that edits a flow of that content. Write-only fields are empty."""
    return {name: _to_text(each.get(content)) if each.is_read_back else "" for name, each in FIELDS.items()}


def _to_text(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)


def duplicate_values(flow: Flow, known: WriteOnlyFields) -> dict[str, str]:
    """Return the first values of the form that duplicates `flow`, with what is known of its write-only fields.

    Where its segment is not known, all subscribers are set.
    """
    values = {name: getattr(known, each.attribute) or "" for name, each in FIELDS.items() if each.is_write_only}
    return form_values(flow) | values | {"segment": known.segment or ALL_SUBSCRIBERS}


def reset_segment(typed: FormValues, before: Flow | None) -> dict[str, str]:
    """Reset the segment after another website was chosen: a segment belongs to one website.

    Args:
        typed: the values, with the new website.
        before: the flow that is edited, if one is: back at its own website, it keeps its own segment.
    """
    own = before is not None and typed.get("website") == str(before.website_id)
    return dict(typed) | {"segment": "" if own else ALL_SUBSCRIBERS}


def fits_field(name: str, text: str) -> bool:
    """Check whether the form's field can hold the text."""
    return utf16_length(text) <= FIELDS[name].max_utf16
