"""The fields of a flow's form: names, limits, defaults, and the values for a flow."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.flow import ALL_SUBSCRIBERS, DEFAULT_TTL_SECONDS, Flow
from flowbot.domain.ids import WebsiteId
from flowbot.domain.text import utf16_length

TTL_SECONDS: Final = (
    0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 1209600, 2419200,
)  # fmt: skip
"""The times to live that Enkapush allows (the API's page "Akışlar", `ttl`)."""
WAIT_UNITS: Final = ("minutes", "hours", "days")
"""The units of waiting that Enkapush allows (same page, `wait_time_type`)."""

FormValues = Mapping[str, str]
"""The values of a form by field, as typed."""
MAX_INPUT_UTF16: Final = 3000
"""The size of Slack's text fields, in UTF-16 units."""
MAX_CHOICE_UTF16: Final = 150
"""The size of an option's value in Slack's menus, in UTF-16 units."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form.

    Attributes:
        label: The message's key of its label.
        hint: The message's key of its hint, where that is always the same.
        is_required: Whether Enkapush requires it of a new flow (the API's page "Akışlar", `POST /flows`).
        max_utf16: The size of its value, in UTF-16 units.
    """

    label: str
    hint: str | None = None
    is_required: bool = False
    max_utf16: int = MAX_INPUT_UTF16


FIELDS: Final[Mapping[str, FormField]] = {
    "website": FormField("field.website", is_required=True),
    "name": FormField("field.name", "form.hint_name", is_required=True),
    "title": FormField("field.title", is_required=True),
    "description": FormField("field.description", is_required=True),
    "url": FormField("field.url", "form.hint_url"),
    "image": FormField("field.image"),
    "wait": FormField("field.wait", "form.hint_wait", is_required=True),
    "wait_unit": FormField("field.wait_unit", is_required=True, max_utf16=MAX_CHOICE_UTF16),
    "segment": FormField("field.segment"),
    "button_1_title": FormField("field.button_title", "form.hint_button"),
    "button_1_url": FormField("field.button_url"),
    "button_2_title": FormField("field.button_title"),
    "button_2_url": FormField("field.button_url"),
    "silent": FormField("field.silent"),
    "auto_hide": FormField("field.auto_hide"),
    "ttl": FormField("field.ttl", "form.hint_ttl"),
    "utm_source": FormField("field.utm_source", "form.hint_utm"),
    "utm_medium": FormField("field.utm_medium"),
    "utm_campaign": FormField("field.utm_campaign"),
}
"""The form's fields by name, in their order. `image` holds the id of an image that is stored already, if any."""
MAX_WAIT_BY_UNIT: Final = {"minutes": 525_600, "hours": 8_760, "days": 365}
"""365 days in each unit. Enkapush states no limit; a longer wait is most likely a slip."""
FIELD_GROUPS: Final = (
    ("wait", "wait_unit"), ("button_1_title", "button_1_url"), ("button_2_title", "button_2_url"),
)  # fmt: skip
"""The fields that mean something only together."""


class FormKind(StrEnum):
    """The purposes of the form."""

    CREATE = "create"
    EDIT = "edit"
    DUPLICATE = "duplicate"

    @property
    def change(self) -> ChangeKind:
        """Return the kind of change that the form submits: a duplicate is created like any new flow."""
        return ChangeKind.EDIT if self is FormKind.EDIT else ChangeKind.CREATE


def default_values(website: WebsiteId | None) -> dict[str, str]:
    """Return the first values of the form for a new flow."""
    given = {"wait": "1", "wait_unit": "days", "ttl": str(DEFAULT_TTL_SECONDS), "segment": ALL_SUBSCRIBERS}
    return dict.fromkeys(FIELDS, "") | given | {"website": "" if website is None else str(website)}


def form_values(flow: Flow) -> dict[str, str]:
    """Return the first values of the form that edits `flow`. Write-only fields are empty."""
    first, second = flow.buttons
    return dict.fromkeys(FIELDS, "") | {
        "website": str(flow.website_id),
        "name": flow.name,
        "title": flow.title,
        "description": flow.description,
        "url": flow.url,
        "wait": str(flow.wait.amount),
        "wait_unit": flow.wait.unit,
        "button_1_title": first.title,
        "button_1_url": first.url,
        "button_2_title": second.title,
        "button_2_url": second.url,
        "silent": "1" if flow.is_silent else "",
        "auto_hide": "1" if flow.is_auto_hide else "",
        "ttl": "" if flow.ttl is None else str(flow.ttl),
    }


def duplicate_values(flow: Flow) -> dict[str, str]:
    """Return the first values of the form that duplicates `flow`. Its segment is unknown: all subscribers are set."""
    return form_values(flow) | {"segment": ALL_SUBSCRIBERS}


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
