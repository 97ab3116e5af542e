"""The pictures of flows that are written, and of those that are deleted."""

from dataclasses import replace

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ImageId
from flowbot.domain.images import ImageFile
from flowbot.domain.operations import CreateOperation, EditOperation
from flowbot.errors import Fault, UserError
from flowbot.services.applying.tools import Tools
from flowbot.services.ports.flows import NotDone


async def new_picture(tools: Tools, task: CreateOperation | EditOperation) -> ImageFile | None:
    """The picture that is wanted, if there is one: kept already, or fetched now.

    Raises:
        NotDone: it cannot be had, or it is not one.
    """
    if task.wanted.image is not None:
        if (kept := await tools.images.get(ImageId(task.wanted.image))) is None:
            raise NotDone("not_done.image_gone")
        return kept
    if task.picture is None:
        return None
    try:
        return await tools.pictures.fetch(task.picture)
    except (UserError, Fault) as error:
        raise NotDone(error.key, **error.params) from error


async def keep_picture(tools: Tools, change: Change, flow: Flow) -> None:
    """Keep the flow's picture for a restore, before anything is deleted.

    Raises:
        NotDone: the picture is there and could not be fetched.
    """
    try:
        picture = await tools.flow_pictures.of(flow)
    except Fault as fault:
        raise NotDone("not_done.picture", id=str(flow.id)) from fault
    if picture is not None:
        kept = await tools.images.put(picture, tools.clock())
        await tools.store.move(change, replace(change, progress=replace(change.progress, image=kept)))
