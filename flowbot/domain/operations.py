"""Operations: what a change does at Enkapush, and how it shows in a flow that is read back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from flowbot.domain.change import ChangeKind, ChangeRequest
from flowbot.domain.flow import DesiredFlow, Flow, content_differences, fingerprint, is_equivalent
from flowbot.domain.images import ImageUpload


@dataclass(frozen=True, slots=True)
class CreateOperation:
    """Create a flow.

    Attributes:
        kind: `create`, or `restore` where it was deleted before.
        picture: Its image, where that is not downloaded yet.
    """

    kind: ChangeKind
    wanted: DesiredFlow
    picture: ImageUpload | None = None


@dataclass(frozen=True, slots=True)
class EditOperation:
    """Edit a flow that was `before`.

    Attributes:
        picture: A new image, where that is not downloaded yet.
    """

    before: Flow
    wanted: DesiredFlow
    picture: ImageUpload | None = None

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change."""
        return ChangeKind.EDIT

    def matches(self, flow: Flow | None) -> bool:
        """Check whether `flow` is as desired, as far as it can be read back."""
        if flow is None:
            return False
        return is_equivalent(flow, self.wanted.content) and flow.is_enabled == self.before.is_enabled

    def is_confirmed_by(self, flow: Flow | None) -> bool:
        """Check whether `flow` proves that the edit was made: it matches, and all of it can be read back."""
        return self._is_readable and self.matches(flow)

    def shows_effect(self, flow: Flow) -> bool:
        """Check whether `flow` shows that the edit was made: it matches, and did not before.

        One request writes all of an edit, so its write-only fields were written with the others. An edit of write-only
        fields alone leaves no trace: whatever the flow shows then may be somebody else's doing.
        """
        has_image = flow.image_url is not None or (self.wanted.image is None and self.picture is None)
        return has_image and self.matches(flow) and not is_equivalent(self.before, self.wanted.content)

    def shows_no_trace(self, flow: Flow | None) -> bool:
        """Check that the flow shows no trace of the edit. With no request in flight, the edit was not made."""
        if flow is None or not self._is_readable:
            return False
        return fingerprint(flow) == fingerprint(self.before) and not was_modified(self.before, flow)

    @property
    def _is_readable(self) -> bool:
        """Check whether all that is desired can be read back: an image and the write-only fields cannot."""
        return self.wanted.write_only.is_empty and self.wanted.image is None and self.picture is None


class _ReadableOperation(ABC):
    """Base of operations that can be read back whole, so that a flow that matches is proof."""

    __slots__ = ()

    @abstractmethod
    def matches(self, flow: Flow | None) -> bool:
        """Check whether `flow` is as desired; None means that it is gone."""

    def is_confirmed_by(self, flow: Flow | None) -> bool:
        """Check whether `flow` proves that it was done."""
        return self.matches(flow)

    def shows_effect(self, flow: Flow) -> bool:
        """Check whether `flow`, which exists, shows that it was done; a deletion never does."""
        return self.matches(flow)


@dataclass(frozen=True, slots=True)
class ToggleOperation(_ReadableOperation):
    """Enable or disable a flow that was `before`."""

    before: Flow
    enabled: bool

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change."""
        return ChangeKind.ENABLE if self.enabled else ChangeKind.DISABLE

    def matches(self, flow: Flow | None) -> bool:
        """Check whether `flow` has the desired state and is otherwise unchanged."""
        if flow is None or not self.matches_state(flow):
            return False
        return not content_differences(flow, self.before) and flow.image_url == self.before.image_url

    def shows_no_trace(self, flow: Flow | None) -> bool:
        """Check that the flow shows no trace of the toggle. With no request in flight, it was not made.

        A flow that is gone may have been toggled before.
        """
        return flow is not None and not (self.matches_state(flow) or was_modified(self.before, flow))

    def matches_state(self, flow: Flow | None) -> bool:
        """Check whether `flow` has the desired state, whatever was edited since."""
        return flow is not None and flow.is_enabled is self.enabled


@dataclass(frozen=True, slots=True)
class DeleteOperation(_ReadableOperation):
    """Delete a flow that was `before`."""

    before: Flow

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change."""
        return ChangeKind.DELETE

    def matches(self, flow: Flow | None) -> bool:
        """Check whether the flow is gone."""
        return flow is None

    def shows_no_trace(self, flow: Flow | None) -> bool:
        """Check that the flow is still there, in the same state."""
        return flow is not None and flow.is_enabled == self.before.is_enabled


FlowOperation = EditOperation | ToggleOperation | DeleteOperation
"""An operation on an existing flow."""

Operation = CreateOperation | FlowOperation


def build_operation(request: ChangeRequest) -> Operation | None:
    """Build the operation of a request; None where the request lacks what its kind needs."""
    wanted, before = request.wanted, request.before
    if request.kind in {ChangeKind.CREATE, ChangeKind.RESTORE}:
        return CreateOperation(request.kind, wanted, request.picture) if wanted else None
    if before is None:
        return None
    if request.kind is ChangeKind.EDIT:
        return EditOperation(before, wanted, request.picture) if wanted else None
    if request.kind is ChangeKind.DELETE:
        return DeleteOperation(before)
    return ToggleOperation(before, request.kind is ChangeKind.ENABLE)


def was_modified(before: Flow, flow: Flow) -> bool:
    """Check whether Enkapush dates a change of the flow after `before`, even if it is the same again."""
    return flow.changed_at != before.changed_at
