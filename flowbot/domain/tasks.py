"""What a change asks of Enkapush, and whether a flow is as it asks."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from flowbot.domain.changes import Kind, NewChange, Picture
from flowbot.domain.content import Content, Wanted, alike, fingerprint
from flowbot.domain.flows import Flow


@dataclass(frozen=True, slots=True)
class Making:
    """A flow is made.

    Attributes:
        kind: `create`, or `restore` where it was deleted before.
        picture: Its picture, where that was not fetched yet.
    """

    kind: Kind
    wanted: Wanted
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Altering:
    """A flow that was `before` is edited.

    Attributes:
        picture: A new picture, where that was not fetched yet.
    """

    before: Flow
    wanted: Wanted
    picture: Picture | None = None

    @property
    def kind(self) -> Kind:
        """What it is called."""
        return Kind.EDIT

    def is_reached(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted, by what Enkapush tells."""
        if flow is None:
            return False
        return alike(Content.of(flow), self.wanted.content) and flow.is_enabled == self.before.is_enabled

    def is_proven(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted, with nothing among that which cannot be read back."""
        return self._can_be_read and self.is_reached(flow)

    def is_evident(self, flow: Flow) -> bool:
        """Whether `flow` shows that the edit was made: it is as it is wanted, and was not before.

        One request writes all of an edit, so what cannot be read back was written with what can. An edit of that alone
        leaves no trace of its own: whatever the flow shows then may be somebody else's doing.
        """
        has_picture = flow.image_url is not None or (self.wanted.image is None and self.picture is None)
        return has_picture and self.is_reached(flow) and not alike(Content.of(self.before), self.wanted.content)

    def is_untouched(self, flow: Flow | None) -> bool:
        """Whether the flow shows no trace of the change. If no request is still in flight, it was not applied."""
        if flow is None or not self._can_be_read:
            return False
        return fingerprint(flow) == fingerprint(self.before) and not is_touched(self.before, flow)

    @property
    def _can_be_read(self) -> bool:
        """Whether what is wanted can be read back whole: a picture and some fields cannot."""
        return self.wanted.unread.is_empty and self.wanted.image is None and self.picture is None


class _ToldWhole(ABC):
    """What Enkapush tells all of: what it shows is proof of it, and shows it."""

    __slots__ = ()

    @abstractmethod
    def is_reached(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted."""

    def is_proven(self, flow: Flow | None) -> bool:
        """Whether `flow` is as it is wanted: all of it can be read back."""
        return self.is_reached(flow)

    def is_evident(self, flow: Flow) -> bool:
        """Whether `flow` shows that it was done; one that is there never shows that it was deleted."""
        return self.is_reached(flow)


@dataclass(frozen=True, slots=True)
class Switching(_ToldWhole):
    """A flow that was `before` is enabled or disabled."""

    before: Flow
    enabled: bool

    @property
    def kind(self) -> Kind:
        """What it is called."""
        return Kind.ENABLE if self.enabled else Kind.DISABLE

    def is_reached(self, flow: Flow | None) -> bool:
        """Whether `flow` is enabled or disabled as it is wanted, and the same besides."""
        return flow is not None and self.is_switched(flow) and _same_besides(self.before, flow)

    def is_untouched(self, flow: Flow | None) -> bool:
        """Whether the flow shows no trace of the change. If no request is still in flight, it was not applied.

        A flow that is gone shows nothing: it may have been enabled before.
        """
        return flow is not None and not (self.is_switched(flow) or is_touched(self.before, flow))

    def is_switched(self, flow: Flow | None) -> bool:
        """Whether `flow` is enabled or disabled as it is wanted, whatever somebody has edited since."""
        return flow is not None and flow.is_enabled is self.enabled


@dataclass(frozen=True, slots=True)
class Deleting(_ToldWhole):
    """A flow that was `before` is deleted."""

    before: Flow

    @property
    def kind(self) -> Kind:
        """What it is called."""
        return Kind.DELETE

    def is_reached(self, flow: Flow | None) -> bool:
        """Whether there is no flow any more."""
        return flow is None

    def is_untouched(self, flow: Flow | None) -> bool:
        """Whether the flow is still there, as far as it goes."""
        return flow is not None and flow.is_enabled == self.before.is_enabled


OnFlow = Altering | Switching | Deleting
"""What is done to a flow that is there."""
Task = Making | OnFlow


def task_of(asked: NewChange) -> Task | None:
    """What is to be done; None where the change does not say enough for its kind."""
    wanted, before = asked.wanted, asked.before
    if asked.kind in {Kind.CREATE, Kind.RESTORE}:
        return Making(asked.kind, wanted, asked.picture) if wanted else None
    if before is None:
        return None
    if asked.kind is Kind.EDIT:
        return Altering(before, wanted, asked.picture) if wanted else None
    return Deleting(before) if asked.kind is Kind.DELETE else Switching(before, asked.kind is Kind.ENABLE)


def is_touched(before: Flow, flow: Flow) -> bool:
    """Whether Enkapush notes a change of the flow since it was `before`, even if it is the same again."""
    return flow.changed_at != before.changed_at


def _same_besides(before: Flow, flow: Flow) -> bool:
    return Content.of(flow) == Content.of(before) and flow.image_url == before.image_url
