"""The file host: uploads and downloads."""

from aiohttp import web

from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.faults import befall, broken_answer
from flowbot.sandbox.slack.webapi.files import receive

_LOGIN_PAGE = """<!DOCTYPE html><html><head><title>Sign in | Slack</title></head>
<body><h1>Sign in to your workspace</h1></body></html>"""


class FileHost:
    """Takes announced uploads and gives files to those who show the bot token."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the file host."""
        return [
            web.post("/upload/v1/{file_id}", self._receive),
            web.get("/files-pri/{key}/{name}", self._download),
            web.get("/files-pri/{key}/download/{name}", self._download),
        ]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        if not receive(self._core, request.match_info["file_id"], content):
            return web.Response(status=400, text="upload failed")
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self._core.faults.take("files", {})
        if fault is not None:
            await befall(self._core.feed, fault)
            if fault.status is not None:
                return broken_answer(fault)
        if not self._may_read(request):
            return web.Response(text=_LOGIN_PAGE, content_type="text/html")
        stored = self._core.workspace.files.get(request.match_info["key"].rpartition("-")[2])
        if stored is None:
            raise web.HTTPNotFound
        return web.Response(body=stored.content, content_type=stored.mimetype)

    def _may_read(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return given == f"Bearer {self._core.credentials.bot_token}" and "files:read" in self._core.scopes
