"""Audience: whom the push of a change goes to."""

from collections.abc import Iterable

from flowbot.domain.change import Change, ChangeRequest
from flowbot.domain.flow import Flow
from flowbot.domain.ids import WebsiteId
from flowbot.domain.known_settings import KnownSettings


def find_segment(
    request: ChangeRequest, known: KnownSettings, flow: Flow | None, late_edits: Iterable[Change] = ()
) -> str | None:
    """Return the segment that a request's push goes to; None where that is not known, or doubtful.

    Args:
        request: the request; what it sends itself counts first.
        known: what is known of its flow.
        flow: the flow, by whose last change the known segment may be doubtful.
        late_edits: the edits of the flow that may take effect yet, after the request.
    """
    segment = _find_segment(request, known, flow)
    return None if any(_changes_audience(edit.request, request, segment) for edit in late_edits) else segment


def _changes_audience(edit: ChangeRequest, request: ChangeRequest, segment: str | None) -> bool:
    """Check whether an edit sets another segment than a request's, or moves the flow to another website."""
    wanted = edit.wanted
    if wanted is None:
        return False
    sent = wanted.write_only.segment or segment
    return sent != segment or wanted.content.website_id not in {edit.website, find_website(request)}


def _find_segment(request: ChangeRequest, known: KnownSettings, flow: Flow | None) -> str | None:
    sent = request.wanted.write_only.segment if request.wanted else None
    if sent:
        return sent
    segment = known.segment
    is_doubtful = segment is None or flow is None or segment.is_doubtful(flow.changed_at)
    return None if segment is None or is_doubtful else segment.value or None


def find_website(request: ChangeRequest) -> WebsiteId:
    """Return the website whose subscribers get the push, as of after the change."""
    return request.wanted.content.website_id if request.wanted else request.website
