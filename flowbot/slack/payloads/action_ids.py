"""Ids of actions."""

from enum import StrEnum


class ActionId(StrEnum):
    """The action of a button or a field."""

    LIST_PREVIOUS = "flows.list.previous"
    LIST_NEXT = "flows.list.next"
    LIST_SHARE = "flows.list.share"
    SHOW = "flows.show"
    SHOW_SHARE = "flows.show.share"
    FLOW_EDIT = "flows.edit"
    FLOW_DUPLICATE = "flows.duplicate"
    FORM_OPEN = "flows.form.open"
    FORM_START_OVER = "flows.form.start_over"
    FORM_PREVIEW = "flows.form.preview"
    FORM_TYPED = "flows.form.typed"
    FORM_WEBSITE = "flows.form.website"
    FORM_SEGMENT = "flows.form.segment"
    FLOW_ENABLE = "flows.enable"
    FLOW_DISABLE = "flows.disable"
    FLOW_DELETE = "flows.delete"
    APPROVE = "changes.approve"
    REJECT = "changes.reject"
    WITHDRAW = "changes.withdraw"
    BREAK_GLASS = "changes.break_glass"
    CHECK_AGAIN = "changes.check_again"
    ASK_AGAIN = "changes.ask_again"
    RESTORE = "changes.restore"
    CHANGE_OPEN = "changes.open"
    CHANGE_REASON = "changes.reason"
