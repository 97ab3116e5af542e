"""Operations: what a change does at Enkapush."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from flowbot.domain.change import ChangeKind, ChangeRequest
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, content_differences, rebase_content
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

    @property
    def sends_image(self) -> bool:
        """Check whether an image is sent."""
        return self.wanted.image is not None or self.picture is not None


@dataclass(frozen=True, slots=True)
class FlowOperation(ABC):
    """An operation on an existing flow, which was `before`."""

    before: Flow

    @property
    @abstractmethod
    def kind(self) -> ChangeKind:
        """Return the kind of change."""

    @property
    def sent(self) -> Mapping[str, Any]:
        """Return the values that are sent, by field, of those that can be read back."""
        return {}

    @property
    def sends_image(self) -> bool:
        """Check whether a new image is sent."""
        return False

    def rebase(self, current: Flow) -> Self:
        """Return the same operation on the flow as it is now."""
        return replace(self, before=current)


@dataclass(frozen=True, slots=True)
class EditOperation(FlowOperation):
    """Edit a flow.

    Attributes:
        picture: A new image, where that is not downloaded yet.
    """

    wanted: DesiredFlow
    picture: ImageUpload | None = None

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change."""
        return ChangeKind.EDIT

    @property
    def sent(self) -> Mapping[str, Any]:
        """Return the values that are sent, by field, of those that can be read back."""
        return {each.field: each.after for each in content_differences(self.before, self.wanted.content)}

    @property
    def sends_image(self) -> bool:
        """Check whether a new image is sent."""
        return self.wanted.image is not None or self.picture is not None

    def rebase(self, current: Flow) -> Self:
        """Return the same edit of the flow as it is now: what was not edited stays."""
        content = rebase_content(self.wanted.content, self.before, FlowContent.of(current))
        return replace(self, before=current, wanted=replace(self.wanted, content=content))


@dataclass(frozen=True, slots=True)
class ToggleOperation(FlowOperation):
    """Enable or disable a flow."""

    enabled: bool

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change."""
        return ChangeKind.ENABLE if self.enabled else ChangeKind.DISABLE

    @property
    def sent(self) -> Mapping[str, Any]:
        """Return the values that are sent, by field."""
        return {"is_enabled": self.enabled}


@dataclass(frozen=True, slots=True)
class DeleteOperation(FlowOperation):
    """Delete a flow."""

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change."""
        return ChangeKind.DELETE


Operation = CreateOperation | EditOperation | ToggleOperation | DeleteOperation


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
