"""A client for the Enkapush API. Only `gateway`, `writer` and `pictures` know of the rest of flowbot.

Example:
    async with EnkapushClient("https://enkapush.com/api", key) as client:
        flow = await client.flows.get(12)
        for segment in await client.segments.all():
            ...
"""

from flowbot.enkapush._transport import OnRequest, Pace
from flowbot.enkapush.client import EnkapushClient, Timeouts
from flowbot.enkapush.errors import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    InvalidError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    TransportError,
    UnexpectedRedirectError,
)
from flowbot.enkapush.forms import FlowPatch, Image, NewFlow
from flowbot.enkapush.models import (
    RESULTS_PER_PAGE,
    TTL_SECONDS,
    Flow,
    FlowSettings,
    ResultsPerPage,
    Segment,
    TtlSeconds,
    WaitUnit,
)
from flowbot.enkapush.pages import Listing, Page
from flowbot.enkapush.retry import RetryPolicy

__all__ = [
    "RESULTS_PER_PAGE",
    "TTL_SECONDS",
    "AuthError",
    "ConnectError",
    "ConnectionLostError",
    "EnkapushClient",
    "EnkapushError",
    "Exchange",
    "Flow",
    "FlowPatch",
    "FlowSettings",
    "Image",
    "InvalidError",
    "Listing",
    "MalformedAnswerError",
    "NewFlow",
    "NotFoundError",
    "OnRequest",
    "Pace",
    "Page",
    "RateLimitedError",
    "RequestTimeoutError",
    "ResponseError",
    "ResultsPerPage",
    "RetryPolicy",
    "Segment",
    "ServerError",
    "Timeouts",
    "TransportError",
    "TtlSeconds",
    "UnexpectedRedirectError",
    "WaitUnit",
]
