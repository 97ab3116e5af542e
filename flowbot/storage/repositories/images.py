"""The repository of images."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, delete, exists, func, insert, or_, select

from flowbot.domain.change import OPEN_STATES, ChangeKind, ChangeState
from flowbot.domain.ids import ImageId
from flowbot.domain.images import ImageFile, ImageInfo
from flowbot.services.ports.form_storage import ImageStore
from flowbot.storage.documents import Document
from flowbot.storage.repositories.change_queries import in_states
from flowbot.storage.tables import changes, images, new_id
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import find_readable, row_reader

_FILENAME: Final = Document(str)
_PERHAPS_APPLIED: Final = frozenset({ChangeState.APPLIED, ChangeState.UNKNOWN})


class ImageRepository(ImageStore):
    """The images in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, image: ImageFile, at: datetime) -> ImageId:
        image_id = ImageId(new_id())
        row = {
            "id": image_id,
            "content": image.content,
            "content_type": image.content_type,
            "filename": image.filename,
            "created_at": at,
        }
        async with self._database.write() as connection:
            await connection.execute(insert(images).values(row))
        return image_id

    async def get(self, image: ImageId) -> ImageFile | None:
        async with self._database.query() as connection:
            return await find_readable(connection, select(images).where(images.c.id == image), _read_image)

    async def describe(self, image: ImageId) -> ImageInfo | None:
        described = select(images.c.id, images.c.content_type, func.length(images.c.content).label("size"))
        async with self._database.query() as connection:
            return await find_readable(connection, described.where(images.c.id == image), _read_info)

    async def delete_unused(self, before: datetime) -> int:
        is_named = or_(changes.c.image_id == images.c.id, changes.c.kept_image_id == images.c.id)
        is_delete = and_(changes.c.kind == ChangeKind.DELETE.value, in_states(_PERHAPS_APPLIED))
        is_used = exists().where(is_named, or_(in_states(OPEN_STATES), is_delete))
        async with self._database.write() as connection:
            return (await connection.execute(delete(images).where(images.c.created_at < before, ~is_used))).rowcount


@row_reader(images)
def read_filename(row: Row[Any]) -> str:
    """Read the image's file name from its row."""
    return _FILENAME.read(row.filename)


@row_reader(images)
def _read_image(row: Row[Any]) -> ImageFile:
    return ImageFile(content=row.content, content_type=row.content_type, filename=_FILENAME.read(row.filename))


@row_reader(images)
def _read_info(row: Row[Any]) -> ImageInfo:
    return ImageInfo(row.content_type, row.size)
