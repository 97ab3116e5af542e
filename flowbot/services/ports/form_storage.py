"""The database's ports for forms: what was typed and not saved, and images."""

from datetime import datetime
from typing import Protocol

from flowbot.domain.change import ChangeKind
from flowbot.domain.draft import Draft, PolicyDraft
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ImageId, UserId
from flowbot.domain.images import ImageFile, ImageInfo


class DraftStore(Protocol):
    """The store of drafts: what was typed and not saved, one for each form.

    Every method raises DependencyError where the database fails.
    """

    async def save(self, draft: Draft, *, replaces: FormToken | None = None) -> None:
        """Write a draft over an older one of the same form, by `changed_at`; leave a newer one.

        It takes over what was typed into the form `replaces`, which may still be open in another window: the draft of
        that one stays, with nothing typed.
        """

    async def get(self, token: FormToken) -> Draft | None:
        """Return the draft of one form."""

    async def find_latest(
        self, user: UserId, channel: ChannelId, kind: ChangeKind, flow: FlowId | None, since: datetime
    ) -> Draft | None:
        """Return what this person typed there last and did not save, if it is not older than `since`."""

    async def delete(self, token: FormToken) -> None:
        """Delete the draft of one form, if there is one."""

    async def delete_older_than(self, before: datetime) -> int:
        """Delete all that were changed before that, of policies too; return how many."""


class PolicyDraftStore(Protocol):
    """The store of what was chosen in the steps of a policy form and not saved, one for each form.

    Every method raises DependencyError where the database fails.
    """

    async def save(self, draft: PolicyDraft) -> None:
        """Write a draft over an older one of the same form."""

    async def get(self, token: FormToken) -> PolicyDraft | None:
        """Return the draft of one form."""


class ImageStore(Protocol):
    """The store of images that are on their way to Enkapush, or that a restore may need.

    Every method raises DependencyError where the database fails.
    """

    async def add(self, image: ImageFile, at: datetime) -> ImageId:
        """Write an image, as of `at`; return its new id."""

    async def get(self, image: ImageId) -> ImageFile | None:
        """Return an image."""

    async def describe(self, image: ImageId) -> ImageInfo | None:
        """Return an image's type and size, without its bytes; None where it is not stored."""

    async def delete_unused(self, before: datetime) -> int:
        """Delete images older than `before` that neither an open change nor a restore needs; return how many."""
