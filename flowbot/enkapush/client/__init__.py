"""A client for the Enkapush API, which knows nothing of flowbot.

Example:
    async with EnkapushClient("https://enkapush.com/api", key) as client:
        flow = await client.flows.get(12)
        for segment in await client.segments.all():
            ...
"""

from flowbot.enkapush.client.client import EnkapushClient, Timeouts
from flowbot.enkapush.client.errors import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    InvalidError,
    MalformedResponseError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    TransportError,
    UnexpectedRedirectError,
    UnreadableRecordError,
)
from flowbot.enkapush.client.models import (
    RESULTS_PER_PAGE,
    TTL_SECONDS,
    Flow,
    FlowPatch,
    FlowSettings,
    ImagePart,
    NewFlow,
    ResultsPerPage,
    Segment,
    TtlSeconds,
    WaitUnit,
)
from flowbot.enkapush.client.pagination import ApiPage, Listing, PageCache
from flowbot.enkapush.client.retry import RetryPolicy
from flowbot.enkapush.client.transport import RequestHook, Timing

__all__ = [
    "RESULTS_PER_PAGE",
    "TTL_SECONDS",
    "ApiPage",
    "AuthError",
    "ConnectError",
    "ConnectionLostError",
    "EnkapushClient",
    "EnkapushError",
    "Exchange",
    "Flow",
    "FlowPatch",
    "FlowSettings",
    "ImagePart",
    "InvalidError",
    "Listing",
    "MalformedResponseError",
    "NewFlow",
    "NotFoundError",
    "PageCache",
    "RateLimitedError",
    "RequestHook",
    "RequestTimeoutError",
    "ResponseError",
    "ResultsPerPage",
    "RetryPolicy",
    "Segment",
    "ServerError",
    "Timeouts",
    "Timing",
    "TransportError",
    "TtlSeconds",
    "UnexpectedRedirectError",
    "UnreadableRecordError",
    "WaitUnit",
]
