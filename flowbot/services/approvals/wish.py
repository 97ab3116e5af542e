"""Wishes: what a person wants of a flow, its preview, and why it cannot be requested as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flowbot.domain.change import Change, ChangeKind, ChangeRequest
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.domain.when import NO_TIMES, Times
from flowbot.errors import UserError


@dataclass(frozen=True, slots=True)
class FlowWish:
    """What a person wants of a flow.

    Attributes:
        kind: ENABLE, DISABLE or DELETE.
        reason: The reason, or no text.
        times: When it is to start and to end, as `plan_times` or `find_problem` allows.
    """

    kind: ChangeKind
    flow: FlowId
    reason: str = ""
    times: Times = NO_TIMES


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change would do, before it is requested.

    Attributes:
        request: The request.
        flow: The flow as it is now.
        displaces_request: Whether an open request for the flow ends for it.
        needs_reason: Whether whoever requests it has to say why.
    """

    request: ChangeRequest
    flow: Flow
    needs_approval: bool
    website_names: Mapping[WebsiteId, str]
    displaces_request: bool = False
    needs_reason: bool = False


class RequestOpenError(UserError):
    """The flow has an open request: `current`."""

    def __init__(self, current: Change) -> None:
        super().__init__("request.open_already", id=str(current.request.flow))
        self.current = current


class IncompleteWishError(UserError):
    """A wish lacks what its form asks for; `channel` is the one whose policy decides."""

    def __init__(self, key: str, wish: FlowWish, channel: ChannelId) -> None:
        super().__init__(key)
        self.wish = wish
        self.channel = channel


class TimesPastError(IncompleteWishError):
    """A time of a request that is asked for again is past: `wish` needs a new one in its place."""

    def __init__(self, wish: FlowWish, channel: ChannelId, now: datetime) -> None:
        super().__init__("when.past_again", replace(wish, times=wish.times.after(now)), channel)


class ReasonNeededError(IncompleteWishError):
    """The policy requires a reason for this request."""

    def __init__(self, wish: FlowWish, channel: ChannelId) -> None:
        super().__init__("request.reason_required", wish, channel)
