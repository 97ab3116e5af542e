"""The shapes of what is answered.

Source: the JSON examples of Enkapush's page "Akışlar". Error bodies are undocumented; these follow JSON:API's idea.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from aiohttp import web

from flowbot.sandbox.enkapush.models import TIMESTAMP_FORMAT, Flow, Image, Segment
from flowbot.sandbox.enkapush.validation import FormError

Json = dict[str, object]


def json_answer(body: object, status: int = 200) -> web.Response:
    """Return a JSON answer, non-ASCII text as it is."""
    return web.json_response(body, status=status, dumps=lambda value: json.dumps(value, ensure_ascii=False))


def refusal(status: int, message: str, field: str | None = None) -> web.Response:
    """Return an error with one complaint."""
    return refusals(status, [(field, message)])


def refusals(status: int, complaints: Iterable[tuple[str | None, str]]) -> web.Response:
    """Return an error with several complaints, each about a field or (None) about the whole request."""
    errors = [{"title": text} if field is None else {"field": field, "title": text} for field, text in complaints]
    return json_answer({"errors": errors, "status": status}, status)


def media_answer(image: Image) -> web.Response:
    """Return a picture."""
    return web.Response(body=image.content, content_type=image.content_type)


def flow_json(flow: Flow, media_url: str) -> Json:
    """Return a flow as it is read back; `media_url` is what the names of pictures are appended to."""
    return {
        "id": flow.id,
        "user_id": flow.user_id,
        "website_id": flow.website_id,
        "name": flow.name,
        "title": flow.title,
        "description": flow.description,
        "url": flow.url,
        "image_url": f"{media_url}{flow.image.name}" if flow.image else None,
        "settings": _settings(flow),
        "wait_time": flow.wait_time,
        "wait_time_type": flow.wait_time_type,
        "is_enabled": flow.is_enabled,
        "total_sent_push_notifications": flow.total_sent_push_notifications,
        "total_displayed_push_notifications": flow.total_displayed_push_notifications,
        "total_clicked_push_notifications": flow.total_clicked_push_notifications,
        "total_closed_push_notifications": flow.total_closed_push_notifications,
        "last_sent_datetime": _timestamp(flow.last_sent_datetime),
        "last_datetime": _timestamp(flow.last_datetime),
        "datetime": _timestamp(flow.datetime),
    }


def segment_json(segment: Segment) -> Json:
    """Return a segment as it is read back."""
    return {
        "id": segment.id,
        "user_id": segment.user_id,
        "website_id": segment.website_id,
        "name": segment.name,
        "type": segment.type,
        "total_subscribers": segment.total_subscribers,
        "last_datetime": _timestamp(segment.last_datetime),
        "datetime": _timestamp(segment.datetime),
    }


def _settings(flow: Flow) -> Json:
    return {
        "ttl": flow.ttl,
        "urgency": flow.urgency,
        "is_silent": int(flow.is_silent),
        "is_auto_hide": int(flow.is_auto_hide),
        "button_title_1": flow.button_title_1,
        "button_url_1": flow.button_url_1,
        "button_title_2": flow.button_title_2,
        "button_url_2": flow.button_url_2,
    }


def _timestamp(moment: datetime | None) -> str | None:
    return moment.strftime(TIMESTAMP_FORMAT) if moment else None


SIZES = (10, 25, 50, 100, 250, 500, 1000)
"""What `results_per_page` may be."""

_Item = TypeVar("_Item")

_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for: its number from 1, and how many a page."""

    number: int = 1
    size: int = 25

    def of(self, items: Collection[_Item]) -> list[_Item]:
        """Return the items that stand on this page."""
        start = (self.number - 1) * self.size
        return list(islice(items, start, start + self.size))

    def meta(self, total: int) -> Json:
        """Return the `meta` of this page of a list of `total` items."""
        return {
            "page": self.number,
            "results_per_page": self.size,
            "total": total,
            "total_pages": self._pages(total),
        }

    def links(self, total: int, list_url: str) -> Json:
        """Return the `links` of this page; `list_url` is the collection without slash or query.

        As in the documented example they carry the page alone, not the page's size.
        """
        last = max(1, self._pages(total))
        return {
            "first": f"{list_url}?page=1",
            "last": f"{list_url}?page={last}",
            "next": f"{list_url}?page={self.number + 1}" if self.number < last else None,
            "prev": f"{list_url}?page={min(self.number - 1, last)}" if self.number > 1 else None,
            "self": f"{list_url}?page={self.number}",
        }

    def _pages(self, total: int) -> int:
        return -(-total // self.size)


def asked_page(query: Iterable[tuple[str, str]]) -> Page:
    """Return the page that a query asks for.

    Raises:
        FormError: A parameter is not allowed, or not documented: nothing would filter, search or sort by it.
    """
    values = {"page": 1, "results_per_page": 25}
    for name, text in query:
        if name not in values:
            raise FormError([(name, f"The {name} parameter is not known.")])
        values[name] = _number(name, text)
    if values["results_per_page"] not in SIZES:
        allowed = ", ".join(map(str, SIZES))
        raise FormError([("results_per_page", f"The results_per_page parameter must be one of {allowed}.")])
    return Page(values["page"], values["results_per_page"])


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise FormError([(name, f"The {name} parameter must be a positive integer.")])
    return int(text)
