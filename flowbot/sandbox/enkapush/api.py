"""What each call of the API does, without HTTP's wrappings: a record of a request in, an answer out.

Source: Enkapush's page "Akışlar", and its sister page on segments.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from aiohttp import web

from flowbot.sandbox.enkapush.models import Flow
from flowbot.sandbox.enkapush.request_log import Record
from flowbot.sandbox.enkapush.responses import Json, asked_page, flow_json, json_answer, refusal, refusals, segment_json
from flowbot.sandbox.enkapush.store import Store
from flowbot.sandbox.enkapush.validation import FormError, checked_fields

_Item = TypeVar("_Item")
_Call = Callable[[Record, str], web.Response]

_PATH = re.compile(r"/(?P<kind>flows|segments)(?:/(?P<id>[^/]+))?(?P<slash>/)?")
_ID = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path names."""

    kind: Literal["flows", "segments"]
    item: str | None
    slash: bool


@dataclass(frozen=True, slots=True)
class Api:
    """The API over a store.

    Attributes:
        api_url: Where the API is, without a slash at the end; for links and redirects.
        media_url: What the names of pictures are appended to.
    """

    store: Store
    api_url: str
    media_url: str

    def answer(self, record: Record) -> web.Response:
        """Carry a request out and return its answer; errors are answers too."""
        if record.credentials != "right":
            return refusal(401, "The API key is missing or wrong.")
        if (target := _target(record.path)) is None:
            return refusal(404, "There is nothing here.")
        if moved := self._moved(record, target):
            return moved
        try:
            return self._routed(record, target)
        except FormError as error:
            return refusals(422, error.complaints)

    def _moved(self, record: Record, target: _Target) -> web.Response | None:
        # Documented with a slash are the lists alone; frameworks send everything else to the address without.
        if not target.slash or (record.method == "GET" and target.item is None):
            return None
        location = f"{self.api_url}{record.path.rstrip('/')}"
        return web.Response(status=301, headers={"Location": location})

    def _routed(self, record: Record, target: _Target) -> web.Response:
        calls: dict[str, _Call]
        if target.kind == "segments":
            calls = {"GET": self._list_segments if target.item is None else self._show_segment}
        elif target.item is None:
            calls = {"GET": self._list_flows, "POST": self._create_flow}
        else:
            calls = {"GET": self._show_flow, "POST": self._update_flow, "DELETE": self._delete_flow}
        call = calls.get(record.method)
        return call(record, target.item or "") if call else _not_allowed(calls)

    def _list_flows(self, record: Record, _: str) -> web.Response:
        shape = partial(flow_json, media_url=self.media_url)
        return self._page(record, "flows", self.store.flows.values(), shape)

    def _list_segments(self, record: Record, _: str) -> web.Response:
        return self._page(record, "segments", self.store.segments.values(), segment_json)

    def _page(
        self, record: Record, kind: str, items: Collection[_Item], shape: Callable[[_Item], Json]
    ) -> web.Response:
        page, total = asked_page(record.query), len(items)
        return json_answer(
            {
                "data": [shape(item) for item in page.of(items)],
                "meta": page.meta(total),
                "links": page.links(total, f"{self.api_url}/{kind}"),
            }
        )

    def _show_flow(self, _: Record, item: str) -> web.Response:
        flow = self._flow(item)
        return json_answer({"data": flow_json(flow, self.media_url)}) if flow else _no_such("flow")

    def _show_segment(self, _: Record, item: str) -> web.Response:
        segment = self.store.segments.get(int(item)) if _ID.fullmatch(item) else None
        return json_answer({"data": segment_json(segment)}) if segment else _no_such("segment")

    def _create_flow(self, record: Record, _: str) -> web.Response:
        if refused := _unreadable(record):
            return refused
        fields = checked_fields(record.fields, self.store, None)
        # What a creation without is_enabled gives is undocumented: the dangerous guess catches who relies on it.
        fields.setdefault("is_enabled", True)
        flow = self.store.add_flow(**fields)
        return json_answer({"data": {"id": flow.id}})

    def _update_flow(self, record: Record, item: str) -> web.Response:
        if (flow := self._flow(item)) is None:
            return _no_such("flow")
        if refused := _unreadable(record):
            return refused
        self.store.update_flow(flow.id, **checked_fields(record.fields, self.store, flow))
        return json_answer({"data": {"id": flow.id}})

    def _delete_flow(self, _: Record, item: str) -> web.Response:
        if (flow := self._flow(item)) is None:
            return _no_such("flow")
        self.store.delete_flow(flow.id)
        return web.Response(status=200)

    def _flow(self, item: str) -> Flow | None:
        return self.store.flows.get(int(item)) if _ID.fullmatch(item) else None


def _target(path: str) -> _Target | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    kind: Literal["flows", "segments"] = "flows" if found["kind"] == "flows" else "segments"
    return _Target(kind, found["id"], found["slash"] is not None)


def _no_such(what: str) -> web.Response:
    return refusal(404, f"There is no such {what}.")


def _not_allowed(calls: Collection[str]) -> web.Response:
    answer = refusal(405, "This method is not allowed here.")
    answer.headers["Allow"] = ", ".join(sorted(calls))
    return answer


def _unreadable(record: Record) -> web.Response | None:
    if not record.is_multipart:
        return refusal(415, "The body must be multipart/form-data.")
    if record.is_malformed:
        return refusal(400, "The form could not be read.")
    return None
