"""JSON bodies of the API's responses.

Source: the JSON examples of Enkapush's page "Akışlar". Error bodies are undocumented; these follow JSON:API's idea.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from aiohttp import web

from flowbot.sandbox.enkapush.models import TIMESTAMP_FORMAT, Flow, Segment

Json = dict[str, object]

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: its number from 1, and how many items it holds."""

    number: int = 1
    size: int = 25


def error_response(status: int, message: str) -> web.Response:
    """Return an error about the whole request."""
    return web.json_response({"errors": [{"title": message}], "status": status}, status=status)


def field_errors_response(errors: Iterable[tuple[str, str]]) -> web.Response:
    """Return status 422 with errors by field, each a field's name and a sentence."""
    titles = [{"field": field, "title": message} for field, message in errors]
    return web.json_response({"errors": titles, "status": 422}, status=422)


def list_response(
    items: Collection[_Item], page: Page, list_url: str, serialize: Callable[[_Item], Json]
) -> web.Response:
    """Return one page of a list.

    Args:
        items: The whole list.
        page: Which page of it.
        list_url: The list's address without slash or query. As in the documented example the links carry the page's
            number alone, not its size.
        serialize: Turns an item into JSON.
    """
    start = (page.number - 1) * page.size
    total_pages = -(-len(items) // page.size)
    last = max(1, total_pages)
    return web.json_response(
        {
            "data": [serialize(item) for item in islice(items, start, start + page.size)],
            "meta": {
                "page": page.number,
                "results_per_page": page.size,
                "total": len(items),
                "total_pages": total_pages,
            },
            "links": {
                "first": f"{list_url}?page=1",
                "last": f"{list_url}?page={last}",
                "next": f"{list_url}?page={page.number + 1}" if page.number < last else None,
                "prev": f"{list_url}?page={min(page.number - 1, last)}" if page.number > 1 else None,
                "self": f"{list_url}?page={page.number}",
            },
        }
    )


def serialize_flow(flow: Flow, media_url: str) -> Json:
    """Return a flow as it is read back; `media_url` is what the names of images are appended to."""
    return {
        "id": flow.id,
        "user_id": flow.user_id,
        "website_id": flow.website_id,
        "name": flow.name,
        "title": flow.title,
        "description": flow.description,
        "url": flow.url,
        "image_url": f"{media_url}{flow.image.name}" if flow.image else None,
        "settings": {
            "ttl": flow.ttl,
            "urgency": flow.urgency,
            "is_silent": int(flow.is_silent),
            "is_auto_hide": int(flow.is_auto_hide),
            "button_title_1": flow.button_title_1,
            "button_url_1": flow.button_url_1,
            "button_title_2": flow.button_title_2,
            "button_url_2": flow.button_url_2,
        },
        "wait_time": flow.wait_time,
        "wait_time_type": flow.wait_time_type,
        "is_enabled": flow.is_enabled,
        "total_sent_push_notifications": flow.total_sent_push_notifications,
        "total_displayed_push_notifications": flow.total_displayed_push_notifications,
        "total_clicked_push_notifications": flow.total_clicked_push_notifications,
        "total_closed_push_notifications": flow.total_closed_push_notifications,
        "last_sent_datetime": _format_time(flow.last_sent_datetime),
        "last_datetime": _format_time(flow.last_datetime),
        "datetime": _format_time(flow.datetime),
    }


def serialize_segment(segment: Segment) -> Json:
    """Return a segment as it is read back."""
    return {
        "id": segment.id,
        "user_id": segment.user_id,
        "website_id": segment.website_id,
        "name": segment.name,
        "type": segment.type,
        "total_subscribers": segment.total_subscribers,
        "last_datetime": _format_time(segment.last_datetime),
        "datetime": _format_time(segment.datetime),
    }


def _format_time(moment: datetime | None) -> str | None:
    return moment.strftime(TIMESTAMP_FORMAT) if moment else None
