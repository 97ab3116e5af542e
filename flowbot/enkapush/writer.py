"""Flowbot's writes as Enkapush's: the adapter behind the port FlowWriter."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic import ValidationError

from flowbot.domain.fields import FIELDS
from flowbot.domain.flow import FlowContent, WriteOnlyFields
from flowbot.domain.ids import FlowId
from flowbot.domain.images import ImageFile, plain_filename
from flowbot.domain.text import shorten
from flowbot.enkapush.client import (
    AuthError,
    EnkapushClient,
    EnkapushError,
    FlowPatch,
    ImagePart,
    NewFlow,
    NotFoundError,
    RateLimitedError,
    ResponseError,
)
from flowbot.services.ports.enkapush import FlowUpdate, FlowWriter, WriteRefusedError, WriteUnclearError

MESSAGE_MAX: Final = 300
"""Characters of Enkapush's own words that a person is shown."""


class EnkapushWriter(FlowWriter):
    """Writes flows.

    Args:
        client: The account.
    """

    def __init__(self, client: EnkapushClient) -> None:
        self._client = client

    async def create(self, content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        with _translate_errors():
            fields = _wire_fields(content) | _write_only_fields(write_only)
            set_fields = {name: value for name, value in fields.items() if value != ""}
            new = NewFlow(**set_fields, image=_image_part(image), is_enabled=False)
            return FlowId(await self._client.flows.create(new))

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        with _translate_errors():
            before = _wire_fields(update.before)
            changed = {name: value for name, value in _wire_fields(update.wanted).items() if value != before[name]}
            patch = FlowPatch(**changed, **_write_only_fields(update.write_only), image=_image_part(update.image))
            updated = await self._client.flows.update(flow, patch)
        # Reading back shows whether it was done. What cannot be read back needs the documented response.
        if updated != flow and not (update.write_only.is_empty and update.image is None):
            raise WriteUnclearError

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        with _translate_errors():
            await self._client.flows.update(flow, FlowPatch(is_enabled=enabled))

    async def delete(self, flow: FlowId) -> None:
        with _translate_errors():
            await self._client.flows.delete(flow)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn Enkapush's errors into the port's, by what they say about the effect."""
    try:
        yield
    except EnkapushError as error:
        if error.ambiguous:
            raise WriteUnclearError from error
        raise _refusal(error) from error
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise WriteRefusedError("not_done.unfit", said=shorten(said, MESSAGE_MAX)) from error
    except UnicodeEncodeError as error:
        raise WriteRefusedError("not_done.unfit", said=shorten(error.reason, MESSAGE_MAX)) from error


def _refusal(error: EnkapushError) -> WriteRefusedError:
    if isinstance(error, AuthError):
        return WriteRefusedError("not_done.key")
    if isinstance(error, NotFoundError) and error.path != "/flows":
        return WriteRefusedError("not_done.gone")
    if isinstance(error, RateLimitedError):
        return WriteRefusedError("not_done.busy")
    if isinstance(error, ResponseError):
        said = "; ".join(
            f"{field}: {', '.join(messages)}" if field else ", ".join(messages)
            for field, messages in error.exchange.messages.items()
        )
        return WriteRefusedError("not_done.refused", said=shorten(said, MESSAGE_MAX) or f"HTTP {error.status}")
    return WriteRefusedError("not_done.down")


def _wire_fields(content: FlowContent) -> dict[str, Any]:
    """Return the content under Enkapush's names."""
    return {field.wire_name: field.get(content) for field in FIELDS.values() if field.is_read_back}


def _write_only_fields(write_only: WriteOnlyFields) -> dict[str, Any]:
    segment = write_only.segment
    texts = {each.wire_name: getattr(write_only, each.attribute) for each in FIELDS.values() if each.is_write_only}
    return texts | {"segment": int(segment) if segment and segment.isdecimal() else segment}


def _image_part(image: ImageFile | None) -> ImagePart | None:
    if image is None:
        return None
    filename = plain_filename(image.filename, image.content_type)
    return ImagePart(filename=filename, content=image.content, content_type=image.content_type)
