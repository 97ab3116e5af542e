"""What forms need: drafts of what was typed, and pictures."""

from datetime import datetime
from typing import Protocol

from flowbot.domain.change import ChangeKind, Draft
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ImageId, UserId
from flowbot.domain.images import ImageFile, ImageUpload


class DraftStore(Protocol):
    """Keeps what was typed and not saved: a draft for each form."""

    async def keep(self, draft: Draft, *, instead_of: FormToken | None = None) -> None:
        """Keep it where it is not older (by `changed_at`) than what is kept; it takes over what `instead_of` held."""

    async def by_token(self, token: FormToken) -> Draft | None:
        """The draft of one form."""

    async def find(
        self, user: UserId, channel: ChannelId, kind: ChangeKind, flow: FlowId | None, since: datetime
    ) -> Draft | None:
        """What this person typed there and did not save, if it is not older than `since`."""

    async def drop(self, token: FormToken) -> None:
        """Forget it."""

    async def purge(self, before: datetime) -> int:
        """Forget all that are older than `before`; how many."""


class ImageStore(Protocol):
    """Keeps pictures that are on their way to Enkapush, or that a restore may need."""

    async def put(self, image: ImageFile, at: datetime) -> ImageId:
        """Keep it."""

    async def get(self, image: ImageId) -> ImageFile | None:
        """Find it."""

    async def purge(self, before: datetime) -> int:
        """Forget those older than `before` that no open or deleting change names; how many."""


class PictureSource(Protocol):
    """Where the pictures come from that people put into forms."""

    async def fetch(self, picture: ImageUpload) -> ImageFile:
        """The picture.

        Raises:
            UserError: it is no picture that Enkapush takes, or too large.
            Fault: it could not be fetched.
        """
