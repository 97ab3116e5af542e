"""The API's calls: a logged request in, a response out.

Source: Enkapush's page "Akışlar", and its sister page on segments.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

from aiohttp import web

from flowbot.sandbox.enkapush.faults import AS_SENT, Write
from flowbot.sandbox.enkapush.models import FlowFields
from flowbot.sandbox.enkapush.request_log import LoggedRequest
from flowbot.sandbox.enkapush.responses import (
    error_response,
    field_errors_response,
    list_response,
    serialize_flow,
    serialize_segment,
)
from flowbot.sandbox.enkapush.store import Store
from flowbot.sandbox.enkapush.validation import ValidationError, parse_flow_fields, parse_page

_Item = TypeVar("_Item")

_PATH = re.compile(r"/(?P<kind>flows|segments)(?:/(?P<id>[^/]+))?(?P<slash>/)?")
_ID = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Api:
    """The API over a store.

    Attributes:
        api_url: Where the API is, without a slash at the end; for links and redirects.
        media_url: What the names of images are appended to.
    """

    store: Store
    api_url: str
    media_url: str

    def respond(self, request: LoggedRequest, write: Write = AS_SENT) -> web.Response:
        """Carry a request out and return its response, also for errors; log which flows it changes, and when it does.

        Args:
            request: What came.
            write: How it is carried out, if it writes.
        """
        if request.credentials != "right":
            return error_response(401, "The API key is missing or wrong.")
        if (found := _PATH.fullmatch(request.path)) is None:
            return error_response(404, "There is nothing here.")
        item = found["id"]
        # Documented with a slash are the lists alone; frameworks send everything else to the address without.
        if found["slash"] and (item is not None or request.method != "GET"):
            location = f"{self.api_url}{request.path.rstrip('/')}"
            return web.Response(status=301, headers={"Location": location})
        try:
            if found["kind"] == "segments":
                return self._handle_segments(request, item)
            return self._handle_flows(request, write) if item is None else self._handle_flow(request, item, write)
        except ValidationError as error:
            return field_errors_response(error.errors)

    def _handle_segments(self, request: LoggedRequest, item: str | None) -> web.Response:
        if request.method != "GET":
            return _reject_method("GET")
        if item is None:
            segments = self.store.segments.values()
            return list_response(segments, parse_page(request.query), f"{self.api_url}/segments", serialize_segment)
        segment = _find(self.store.segments, item)
        return web.json_response({"data": serialize_segment(segment)}) if segment else _no_such("segment")

    def _handle_flows(self, request: LoggedRequest, write: Write) -> web.Response:
        match request.method:
            case "GET":
                serialize = partial(serialize_flow, media_url=self.media_url)
                flows = self.store.flows.values()
                return list_response(flows, parse_page(request.query), f"{self.api_url}/flows", serialize)
            case "POST":
                if rejection := _reject_unreadable(request):
                    return rejection
                fields = _as_stored(parse_flow_fields(request.fields, self.store, None), write)
                # The default of is_enabled is undocumented: the dangerous guess catches who relies on it.
                fields.setdefault("is_enabled", True)
                flow_id = self.store.reserve_id()
                copies = [flow_id, *(self.store.reserve_id() for _ in range(1, write.copies))]
                for copy in copies[: write.copies]:
                    self._write(request, write, copy, partial(self.store.add_flow, flow_id=copy, **fields))
                return web.json_response({"data": {"id": write.answered_id or flow_id}})
            case _:
                return _reject_method("GET, POST")

    def _handle_flow(self, request: LoggedRequest, item: str, write: Write) -> web.Response:
        if request.method not in {"GET", "POST", "DELETE"}:
            return _reject_method("DELETE, GET, POST")
        if (flow := _find(self.store.flows, item)) is None:
            return _no_such("flow")
        if request.method == "GET":
            return web.json_response({"data": serialize_flow(flow, self.media_url)})
        if request.method == "DELETE":
            if write.copies:
                self._write(request, write, flow.id, partial(self.store.delete_flow, flow.id))
            return web.Response(status=200)
        if rejection := _reject_unreadable(request):
            return rejection
        fields = _as_stored(parse_flow_fields(request.fields, self.store, flow), write)
        if write.copies:
            self._write(request, write, flow.id, partial(self.store.update_flow, flow.id, **fields))
        return web.json_response({"data": {"id": write.answered_id or flow.id}})

    def _write(self, request: LoggedRequest, write: Write, flow_id: int, effect: Callable[[], object]) -> None:
        def land() -> None:
            with contextlib.suppress(KeyError):  # the flow has been deleted meanwhile
                effect()
                request.changed += (flow_id,)

        self.store.write(land, write.after)


def _as_stored(fields: FlowFields, write: Write) -> FlowFields:
    taken = {name: value for name, value in fields.items() if name not in write.ignored}
    return cast(
        "FlowFields", {**taken, **{name: write.stored[name](taken[name]) for name in taken.keys() & write.stored}}
    )


def _find(items: Mapping[int, _Item], text: str) -> _Item | None:
    return items.get(int(text)) if _ID.fullmatch(text) else None


def _no_such(kind: str) -> web.Response:
    return error_response(404, f"There is no such {kind}.")


def _reject_method(allowed: str) -> web.Response:
    response = error_response(405, "This method is not allowed here.")
    response.headers["Allow"] = allowed
    return response


def _reject_unreadable(request: LoggedRequest) -> web.Response | None:
    if not request.is_multipart:
        return error_response(415, "The body must be multipart/form-data.")
    if request.is_malformed:
        return error_response(400, "The form could not be read.")
    return None
