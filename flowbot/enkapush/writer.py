"""Flowbot's writes as Enkapush's: the adapter behind `services.ports.FlowWriter`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic import ValidationError

from flowbot.domain.flow import FlowContent, WriteOnlyFields
from flowbot.domain.ids import FlowId
from flowbot.domain.images import ImageFile
from flowbot.enkapush import forms
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.errors import AuthError, EnkapushError, NotFoundError, RateLimitedError, ResponseError
from flowbot.services.ports.flows import FlowUpdate, NotDone, Unclear

COMPLAINT_MAX: Final = 300
"""Characters of Enkapush's own words that a person is shown."""


class EnkapushWriter:
    """Writes flows; each call is sent once.

    Args:
        client: the account.
    """

    def __init__(self, client: EnkapushClient) -> None:
        self._client = client

    async def create(self, content: FlowContent, unread: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        """Make a flow, disabled, whatever Enkapush's own default may be. Its id."""
        with _outcomes():
            set_fields = {name: value for name, value in _wire(content).items() if value != ""}
            new = forms.NewFlow(**set_fields, **_unread(unread), image=_image(image), is_enabled=False)
            return FlowId(await self._client.flows.create(new))

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        """Write what differs, and nothing else.

        Reading back tells whether it was done. What cannot be read back needs the documented answer.
        """
        with _outcomes():
            before = _wire(update.before)
            changed = {name: value for name, value in _wire(update.wanted).items() if value != before[name]}
            patch = forms.FlowPatch(**changed, **_unread(update.unread), image=_image(update.image))
            answered = await self._client.flows.update(flow, patch)
        if answered != flow and not (update.unread.is_empty and update.image is None):
            raise Unclear("unclear.enkapush")

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        """Enable or disable a flow, and nothing else."""
        with _outcomes():
            await self._client.flows.update(flow, forms.FlowPatch(is_enabled=enabled))

    async def delete(self, flow: FlowId) -> None:
        """Delete a flow."""
        with _outcomes():
            await self._client.flows.delete(flow)


@contextmanager
def _outcomes() -> Iterator[None]:
    """Enkapush's errors, by what they say about the effect."""
    try:
        yield
    except EnkapushError as error:
        if error.ambiguous:
            raise Unclear("unclear.enkapush") from error
        key, params = _reason(error)
        raise NotDone(key, **params) from error
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise NotDone("not_done.unfit", said=said[:COMPLAINT_MAX]) from error
    except UnicodeEncodeError as error:
        raise NotDone("not_done.unfit", said=error.reason[:COMPLAINT_MAX]) from error


def _reason(error: EnkapushError) -> tuple[str, dict[str, Any]]:
    """Why nothing was done, as a message's key and parameters."""
    if isinstance(error, AuthError):
        return "not_done.key", {}
    if isinstance(error, NotFoundError) and error.path != "/flows":
        return "not_done.gone", {}
    if isinstance(error, RateLimitedError):
        return "not_done.busy", {}
    if isinstance(error, ResponseError):
        return "not_done.refused", {"said": _complaints(error)}
    return "not_done.down", {}


def _complaints(error: ResponseError) -> str:
    """What Enkapush found wrong, field by field, in its own words."""
    said = "; ".join(
        f"{field}: {', '.join(messages)}" if field else ", ".join(messages)
        for field, messages in error.exchange.messages.items()
    )
    return (said or f"HTTP {error.status}")[:COMPLAINT_MAX]


def _wire(content: FlowContent) -> dict[str, Any]:
    """The content under Enkapush's names."""
    return {
        "website_id": content.website_id,
        "name": content.name,
        "title": content.title,
        "description": content.description,
        "wait_time": content.wait.amount,
        "wait_time_type": content.wait.unit,
        "url": content.url,
        "ttl": content.ttl,
        "is_silent": content.is_silent,
        "is_auto_hide": content.is_auto_hide,
        "button_title_1": content.button_1.title,
        "button_url_1": content.button_1.url,
        "button_title_2": content.button_2.title,
        "button_url_2": content.button_2.url,
    }


def _unread(unread: WriteOnlyFields) -> dict[str, Any]:
    segment = int(unread.segment) if unread.segment and unread.segment.isdecimal() else unread.segment
    utm = {"utm_source": unread.utm_source, "utm_medium": unread.utm_medium, "utm_campaign": unread.utm_campaign}
    return {"segment": segment, **utm}


def _image(image: ImageFile | None) -> forms.Image | None:
    if image is None:
        return None
    return forms.Image(filename=image.filename, content=image.content, content_type=image.content_type)
