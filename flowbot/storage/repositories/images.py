"""The repository of images."""

from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, exists, insert, or_, select

from flowbot.domain.change import OPEN_STATES, ChangeKind, ChangeState
from flowbot.domain.ids import ImageId
from flowbot.domain.images import ImageFile
from flowbot.storage.tables import changes, images, new_id
from flowbot.storage.unit_of_work import Database

_MAY_BE_GONE: Final = (ChangeState.APPLIED.value, ChangeState.UNKNOWN.value)


class ImageRepository:
    """The pictures in the database. Every method is one transaction; DependencyError where the database fails.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, image: ImageFile, at: datetime) -> ImageId:
        """Keep it, as of `at`, under a fresh id."""
        kept = ImageId(new_id())
        row = {
            "id": kept,
            "content": image.content,
            "content_type": image.content_type,
            "filename": image.filename,
            "created_at": at,
        }
        async with self._database.write() as connection:
            await connection.execute(insert(images).values(row))
        return kept

    async def get(self, image: ImageId) -> ImageFile | None:
        """Find it."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(images).where(images.c.id == image))).one_or_none()
        if row is None:
            return None
        return ImageFile(content=row.content, content_type=row.content_type, filename=row.filename)

    async def delete_unused(self, before: datetime) -> int:
        """Forget those older than `before` that nobody needs any more; how many.

        An open change needs the picture that it names, whether it is wanted or kept on the way, and so does a delete
        that was or may have been carried out: its flow can be made again.
        """
        is_open = changes.c.state.in_(sorted(state.value for state in OPEN_STATES))
        deleted = and_(changes.c.kind == ChangeKind.DELETE.value, changes.c.state.in_(_MAY_BE_GONE))
        names = or_(changes.c.image_id == images.c.id, changes.c.kept_image_id == images.c.id)
        is_needed = exists().where(names, or_(is_open, deleted))
        async with self._database.write() as connection:
            return (await connection.execute(delete(images).where(images.c.created_at < before, ~is_needed))).rowcount
