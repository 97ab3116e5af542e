"""The guard against other pages in the same browser, which can reach every port of this machine."""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@web.middleware
async def refuse_foreign_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 to a request for another host's name, as after DNS rebinding, and to one from another origin's page.

    Programs send no `Origin`.
    """
    try:
        host, origin = request.url.host, str(request.url.origin())
    except ValueError:
        host = origin = ""
    if host not in _LOOPBACK or request.headers.get("Origin", origin) != origin:
        raise web.HTTPForbidden(text="Only this machine's own page may ask here.\n")
    return await handler(request)
