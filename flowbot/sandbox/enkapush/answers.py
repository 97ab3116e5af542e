"""The shapes of what is answered.

Source: the JSON examples of Enkapush's page "Akışlar". Error bodies are undocumented; these follow JSON:API's idea.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from aiohttp import web

from flowbot.sandbox.enkapush.records import TIMESTAMP_FORMAT, Flow, Image, Segment

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
