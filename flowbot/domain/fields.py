"""The fields of a flow's form: names, limits, defaults, and values from and to a flow."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.flow import ALL_SUBSCRIBERS, Flow
from flowbot.domain.ids import WebsiteId
from flowbot.domain.text import utf16_length

TTL_SECONDS: Final = (
    0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 1209600, 2419200,
)  # fmt: skip
"""The times to live that Enkapush allows (the API's page "Akışlar", `ttl`)."""


WAIT_UNITS: Final = ("minutes", "hours", "days")
"""The units of waiting that Enkapush allows (same page, `wait_time_type`)."""


FormValues = Mapping[str, str]
"""What was typed, by field."""


FIELD_NAMES: Final = (
    "website", "name", "title", "description", "url", "image", "wait", "wait_unit", "segment",
    "button_1_title", "button_1_url", "button_2_title", "button_2_url",
    "silent", "auto_hide", "ttl", "utm_source", "utm_medium", "utm_campaign",
)  # fmt: skip
"""The form's fields in their order. `image` holds the id of a picture that is kept already, if any."""


REQUIRED_FIELDS: Final = frozenset({"website", "name", "title", "description", "wait", "wait_unit"})
"""What Enkapush wants of a new flow (the API's page "Akışlar", `POST /flows`)."""


MAX_INPUT_UTF16: Final = 3000
"""Characters that a text field of Slack's holds, as UTF-16 units."""


MAX_CHOICE_CHARS: Final = 150
"""Characters that the value of an entry of Slack's menus holds."""


DEFAULT_TTL_SECONDS: Final = 2_419_200
"""Four weeks: what Enkapush itself takes where nothing is said (same page, `ttl`)."""


MAX_WAIT_BY_UNIT: Final = {"minutes": 525_600, "hours": 8_760, "days": 365}
"""365 days in each unit. Enkapush states no limit; a longer wait is a slip of the hand."""


FIELD_GROUPS: Final = (
    ("wait", "wait_unit"), ("button_1_title", "button_1_url"), ("button_2_title", "button_2_url"),
)  # fmt: skip
"""Fields of which one says nothing without the other."""


class FormKind(StrEnum):
    """What the form is for."""

    CREATE = "create"
    EDIT = "edit"
    DUPLICATE = "duplicate"

    @property
    def change(self) -> ChangeKind:
        """The change that it asks for: a duplicate is made like any new flow."""
        return ChangeKind.EDIT if self is FormKind.EDIT else ChangeKind.CREATE


def default_values(website: WebsiteId | None) -> dict[str, str]:
    """What the form for a new flow holds at first."""
    given = {"wait": "1", "wait_unit": "days", "ttl": str(DEFAULT_TTL_SECONDS), "segment": ALL_SUBSCRIBERS}
    return dict.fromkeys(FIELD_NAMES, "") | given | {"website": "" if website is None else str(website)}


def form_values(flow: Flow) -> dict[str, str]:
    """What the form for editing `flow` holds at first. What Enkapush never tells is empty."""
    first, second = flow.buttons
    return dict.fromkeys(FIELD_NAMES, "") | {
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
    """What the form for duplicating `flow` holds at first. Its segment is not known, so all subscribers are shown."""
    return form_values(flow) | {"segment": ALL_SUBSCRIBERS}


def reset_segment(typed: FormValues, before: Flow | None) -> dict[str, str]:
    """The same after another website was chosen: a segment belongs to one website, so it is chosen anew.

    Args:
        typed: with the new website.
        before: the flow that is edited; None where one is made. With its own website, its own segment stays.
    """
    own = before is not None and typed.get("website") == str(before.website_id)
    return dict(typed) | {"segment": "" if own else ALL_SUBSCRIBERS}


def fits_field(name: str, text: str) -> bool:
    """Whether the form's field can hold the text."""
    limit = MAX_CHOICE_CHARS if name == "wait_unit" else MAX_INPUT_UTF16
    return utf16_length(text) <= limit


def _normalize_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
