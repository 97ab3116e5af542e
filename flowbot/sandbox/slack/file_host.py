"""The file host: uploads and downloads."""

from aiohttp import web

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.faults import build_fault_response, inject_fault
from flowbot.sandbox.slack.webapi.files import receive_upload

_LOGIN_PAGE = """<!DOCTYPE html><html><head><title>Sign in | Slack</title></head>
<body><h1>Sign in to your workspace</h1></body></html>"""


class FileHost:
    """Takes announced uploads, and serves files to the bot token."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the file host."""
        return [
            web.post("/upload/v1/{file_id}", self._receive),
            web.get("/files-pri/{key}/{name}", self._download),
            web.get("/files-pri/{key}/download/{name}", self._download),
        ]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        if not receive_upload(self._context, request.match_info["file_id"], content):
            return web.Response(status=400, text="upload failed")
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self._context.faults.consume("files", {})
        if fault is not None:
            await inject_fault(self._context.feed, fault)
            if fault.status is not None:
                return build_fault_response(fault)
        authorization = f"Bearer {self._context.credentials.bot_token}"
        if request.headers.get("Authorization") != authorization or "files:read" not in self._context.scopes:
            return web.Response(text=_LOGIN_PAGE, content_type="text/html")
        stored = self._context.workspace.find_file(request.match_info["key"].rpartition("-")[2])
        if stored is None:
            raise web.HTTPNotFound
        return web.Response(body=stored.content, content_type=stored.mimetype)
