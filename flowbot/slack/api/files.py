"""Images from Slack: from its own hosts only, with the bot's token, never larger than an image may be."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.images import MAX_IMAGE_BYTES, ImageFile, ImageUpload, check_image
from flowbot.errors import DependencyError, UserError
from flowbot.services.ports.slack import ImageSource
from flowbot.slack.api.client import is_slack_url, proxy_for
from flowbot.slack.api.errors import SLACK_ERRORS, error_code

CHUNK_BYTES: Final = 64 * 1024
NAME_MAX: Final = 200
DOWNLOAD_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=5)
URL_SAFE: Final = "!#$%&'()*+,/:;=?@[]"
"""Characters of a URL that stay as they are, besides letters and digits; others, as in a file's name, are escaped."""

log = structlog.get_logger(__name__)


class SlackFiles(ImageSource):
    """Fetches the files that people add to forms.

    Args:
        client: the Web API, as the bot.
        session: for the download.
        api_url: the Web API's base, whose origin may also serve files.
    """

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, api_url: str) -> None:
        self._client = client
        self._session = session
        self._api_url = api_url

    async def fetch(self, upload: ImageUpload) -> ImageFile:
        url, size = upload.url, upload.size
        if not url:
            # Not every payload has it.
            try:
                answer = await self._client.files_info(file=upload.file)
            except SLACK_ERRORS as error:
                raise DependencyError("fault.image", error=error_code(error)) from error
            found = answer.get("file")
            if not isinstance(found, dict):
                raise DependencyError("fault.image", error="no file")
            url = str(found.get("url_private_download") or found.get("url_private") or "")
            said = found.get("size")
            size = said if isinstance(said, int) else 0
        content, is_page = await self._download(quote(url, safe=URL_SAFE, errors="replace"))
        if is_page and len(content) != size:
            raise DependencyError("fault.image", error="HTML instead of the file: no access (scope files:read)")
        if len(content) < size:
            raise DependencyError("fault.image", error=f"{len(content)} bytes of the {size} that Slack said")
        return ImageFile(content, check_image(content), upload.name[:NAME_MAX])

    async def _download(self, url: str) -> tuple[bytes, bool]:
        """Return the bytes at `url`, and whether they came as a web page.

        A redirect is not followed, since it would carry the token away.
        """
        if not is_slack_url(url, self._api_url):
            raise DependencyError("fault.image", error="foreign host")
        headers = {"Authorization": f"Bearer {self._client.token}"}
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, proxy=proxy_for(url), timeout=DOWNLOAD_TIMEOUT
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    raise DependencyError("fault.image", error=f"HTTP {answer.status}")
                content = bytearray()
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    content += chunk
                    if len(content) > MAX_IMAGE_BYTES:
                        raise UserError("form.problem_image_size", megabytes=MAX_IMAGE_BYTES // 1024 // 1024)
                return bytes(content), answer.content_type == "text/html"
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DependencyError("fault.image", error=type(error).__name__) from error
