"""What a change does at Enkapush, and whether a flow shows that it was done."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from flowbot.domain.change import ChangeKind, ChangeRequest
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, fingerprint, is_equivalent
from flowbot.domain.images import ImageUpload


@dataclass(frozen=True, slots=True)
class CreateOperation:
    """A flow is made.

    Attributes:
        kind: `create`, or `restore` where it was deleted before.
        picture: Its picture, where that was not fetched yet.
    """

    kind: ChangeKind
    wanted: DesiredFlow
    picture: ImageUpload | None = None


@dataclass(frozen=True, slots=True)
class EditOperation:
    """A flow that was `before` is edited.

    Attributes:
        picture: A new picture, where that was not fetched yet.
    """

    before: Flow
    wanted: DesiredFlow
    picture: ImageUpload | None = None

    @property
    def kind(self) -> ChangeKind:
        """What it is called."""
        return ChangeKind.EDIT

    def matches(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted, by what Enkapush tells."""
        if flow is None:
            return False
        return is_equivalent(FlowContent.of(flow), self.wanted.content) and flow.is_enabled == self.before.is_enabled

    def is_confirmed_by(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted, with nothing among that which cannot be read back."""
        return self._can_be_read and self.matches(flow)

    def shows_effect(self, flow: Flow) -> bool:
        """Whether `flow` shows that the edit was made: it is as it is wanted, and was not before.

        One request writes all of an edit, so what cannot be read back was written with what can. An edit of that alone
        leaves no trace of its own: whatever the flow shows then may be somebody else's doing.
        """
        has_picture = flow.image_url is not None or (self.wanted.image is None and self.picture is None)
        return (
            has_picture and self.matches(flow) and not is_equivalent(FlowContent.of(self.before), self.wanted.content)
        )

    def shows_no_trace(self, flow: Flow | None) -> bool:
        """Whether the flow shows no trace of the change. If no request is still in flight, it was not applied."""
        if flow is None or not self._can_be_read:
            return False
        return fingerprint(flow) == fingerprint(self.before) and not was_modified(self.before, flow)

    @property
    def _can_be_read(self) -> bool:
        """Whether what is wanted can be read back whole: a picture and some fields cannot."""
        return self.wanted.unread.is_empty and self.wanted.image is None and self.picture is None


class _ReadableOperation(ABC):
    """What Enkapush tells all of: what it shows is proof of it, and shows it."""

    __slots__ = ()

    @abstractmethod
    def matches(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted."""

    def is_confirmed_by(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted: all of it can be read back."""
        return self.matches(flow)

    def shows_effect(self, flow: Flow) -> bool:
        """Whether `flow` shows that it was done; one that is there never shows that it was deleted."""
        return self.matches(flow)


@dataclass(frozen=True, slots=True)
class ToggleOperation(_ReadableOperation):
    """A flow that was `before` is enabled or disabled."""

    before: Flow
    enabled: bool

    @property
    def kind(self) -> ChangeKind:
        """What it is called."""
        return ChangeKind.ENABLE if self.enabled else ChangeKind.DISABLE

    def matches(self, flow: Flow | None) -> bool:
        """Whether `flow` is enabled or disabled as it is wanted, and the same besides."""
        return flow is not None and self.matches_state(flow) and _is_otherwise_unchanged(self.before, flow)

    def shows_no_trace(self, flow: Flow | None) -> bool:
        """Whether the flow shows no trace of the change. If no request is still in flight, it was not applied.

        A flow that is gone shows nothing: it may have been enabled before.
        """
        return flow is not None and not (self.matches_state(flow) or was_modified(self.before, flow))

    def matches_state(self, flow: Flow | None) -> bool:
        """Whether `flow` is enabled or disabled as it is wanted, whatever somebody has edited since."""
        return flow is not None and flow.is_enabled is self.enabled


@dataclass(frozen=True, slots=True)
class DeleteOperation(_ReadableOperation):
    """A flow that was `before` is deleted."""

    before: Flow

    @property
    def kind(self) -> ChangeKind:
        """What it is called."""
        return ChangeKind.DELETE

    def matches(self, flow: Flow | None) -> bool:
        """Whether there is no flow any more."""
        return flow is None

    def shows_no_trace(self, flow: Flow | None) -> bool:
        """Whether the flow is still there, as far as it goes."""
        return flow is not None and flow.is_enabled == self.before.is_enabled


FlowOperation = EditOperation | ToggleOperation | DeleteOperation
"""What is done to a flow that is there."""


Operation = CreateOperation | FlowOperation


def build_operation(asked: ChangeRequest) -> Operation | None:
    """What is to be done; None where the change does not say enough for its kind."""
    wanted, before = asked.wanted, asked.before
    if asked.kind in {ChangeKind.CREATE, ChangeKind.RESTORE}:
        return CreateOperation(asked.kind, wanted, asked.picture) if wanted else None
    if before is None:
        return None
    if asked.kind is ChangeKind.EDIT:
        return EditOperation(before, wanted, asked.picture) if wanted else None
    return (
        DeleteOperation(before)
        if asked.kind is ChangeKind.DELETE
        else ToggleOperation(before, asked.kind is ChangeKind.ENABLE)
    )


def was_modified(before: Flow, flow: Flow) -> bool:
    """Whether Enkapush notes a change of the flow since it was `before`, even if it is the same again."""
    return flow.changed_at != before.changed_at


def _is_otherwise_unchanged(before: Flow, flow: Flow) -> bool:
    return FlowContent.of(flow) == FlowContent.of(before) and flow.image_url == before.image_url
