"""Drafts: what was typed into a form and is not saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowbot.domain.change import ChangeKind
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId


@dataclass(frozen=True, slots=True)
class Draft:
    """The values of a form that is not saved yet, stored for a day.

    Attributes:
        token: The form's own.
        before: The flow that is edited or duplicated, as the form showed it; None for a new flow.
        typed: The values by field.
    """

    token: FormToken
    user: UserId
    channel: ChannelId
    kind: ChangeKind
    flow: FlowId | None
    before: Flow | None
    typed: Mapping[str, str]
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """The values of a channel's policy form that is not saved yet, stored for a day.

    Attributes:
        token: The form's own.
        typed: The values by field, of all steps.
    """

    token: FormToken
    user: UserId
    channel: ChannelId
    typed: Mapping[str, Any]
    changed_at: datetime
