"""The action ids that buttons carry, each named once."""

from enum import StrEnum


class Action(StrEnum):
    """What a button does."""

    LIST_PREVIOUS = "flows.list.previous"
    LIST_NEXT = "flows.list.next"
    LIST_SHARE = "flows.list.share"
    SHOW = "flows.show"
    SHOW_SHARE = "flows.show.share"
