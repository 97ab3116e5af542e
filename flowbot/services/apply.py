"""Writing to Enkapush and finding out what became of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any, Final

import structlog

from flowbot.domain.changes import Change, ChangeId, Image, ImageId, Kind, Outcome, State
from flowbot.domain.content import Content, Difference, Wanted, differences, fingerprint, flow_differences
from flowbot.domain.flows import Flow
from flowbot.domain.types import FlowId
from flowbot.errors import Fault, UserError
from flowbot.services.catalog import Catalog
from flowbot.services.ports import (
    ChangeStore,
    Clock,
    FlowPictures,
    FlowSource,
    FlowUpdate,
    FlowWriter,
    ImageStore,
    NotDone,
    PictureSource,
    Unclear,
)

LOOKS_SECONDS: Final = (0.0, 1.0, 2.0)
"""Pauses before each look for a flow whose making is unclear: a request may still be under way at Enkapush."""
EDIT_TRIES: Final = 2

Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Somebody else works on the change."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a change ended.

    Attributes:
        outcome: For people.
        flow: As it was read back.
        details: For the audit.
    """

    state: State
    outcome: Outcome
    flow: Flow | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """A change in its final state, and the flow as it was read back."""

    change: Change
    flow: Flow | None = None


def _failed(error: NotDone) -> Verdict:
    return Verdict(State.FAILED, Outcome(error.key, error.params))


@dataclass(frozen=True, slots=True)
class Applying:
    """Applies changes of every kind.

    Attributes:
        owner: This process's name on leases.
        sleep: Waits some seconds.
    """

    store: ChangeStore
    images: ImageStore
    pictures: PictureSource
    flow_pictures: FlowPictures
    source: FlowSource
    writer: FlowWriter
    catalog: Catalog
    clock: Clock
    owner: str
    sleep: Sleep = asyncio.sleep

    async def apply(self, change: Change) -> Verdict:
        """Write, and read back. What was sent by a process that died is looked for first, and never sent twice.

        Raises:
            Fault: the database did not answer.
        """
        kinds: Mapping[Kind, Callable[[Change], Awaitable[Verdict]]] = {
            Kind.CREATE: self._create,
            Kind.RESTORE: self._create,
            Kind.EDIT: self._edit,
            Kind.ENABLE: self._switch,
            Kind.DISABLE: self._switch,
            Kind.DELETE: self._delete,
        }
        try:
            return await kinds[change.asked.kind](change)
        except NotDone as error:
            return _failed(error)

    async def look_again(self, change: Change, *, is_final: bool) -> Verdict:
        """Only look what became of a change: nothing is written.

        Args:
            change: one of which it is not known.
            is_final: whether what is not there now will not come any more.

        Raises:
            Fault: Enkapush did not answer.
        """
        asked = change.asked
        if asked.kind in {Kind.CREATE, Kind.RESTORE}:
            if change.outcome is not None and change.outcome.flow is not None:
                return await self._read_back(change.outcome.flow, _wanted(change), asked.kind)
            flows = await self.source.all_flows()
            found = await self._made_by_it(change.id, flows, _wanted(change), change.newest_before)
            if found:
                return await self._read_back(found, _wanted(change), asked.kind)
        elif asked.flow is not None:
            flow = await self.source.flow(asked.flow)
            if _can_be_read(change) and _is_reached(change, flow):
                return _reached(change, flow)
            is_final = is_final and _is_as_before(change, flow)
        outcome = Outcome("not_done.looked", {"id": str(asked.flow or "")})
        return Verdict(State.FAILED if is_final else State.UNKNOWN, outcome)

    async def look(self, change: Change) -> Verdict:
        """What became of a change that was sent, possibly more than once; nothing is written.

        Raises:
            Fault: the database did not answer.
        """
        if change.asked.kind in {Kind.CREATE, Kind.RESTORE}:
            return await self._found_or_unknown(change, change.newest_before)
        if change.asked.kind is Kind.EDIT:
            return await self._edit_unclear(change)
        return await self._confirmed(change)

    # --- a new flow ------------------------------------------------------------------------------------------------

    async def _create(self, change: Change) -> Verdict:
        wanted = _wanted(change)
        if change.sent_at is not None:
            return await self.look(change)
        image = await self._image(change)
        newest = await self._newest()
        if not await self.store.latch(change.id, self.owner, self.clock(), newest):
            raise LeaseLostError
        try:
            flow = await self.writer.create(wanted.content, wanted.unread, image)
        except Unclear:
            log.warning("change.unclear", change=change.id)
            return await self._found_or_unknown(change, newest)
        if flow <= (newest or 0):
            # Enkapush names a flow that was there before: whatever it made, it is not that one.
            return await self._found_or_unknown(change, newest)
        return await self._read_back(flow, wanted, change.asked.kind)

    async def _newest(self) -> FlowId | None:
        """The highest flow id that there is: what is found above it later was made later.

        Raises:
            NotDone: Enkapush does not say, so nothing is sent.
        """
        try:
            # Not from the catalog, which may be some seconds old: a flow made since then would be taken for this one.
            flows = await self.source.all_flows()
        except Fault as fault:
            raise _not_asked(fault) from fault
        return max((flow.id for flow in flows), default=None)

    async def _found_or_unknown(self, change: Change, newest: FlowId | None) -> Verdict:
        """Look for the flow that a request may have made. It is never sent again: that could make a second one."""
        wanted = _wanted(change)
        answered = False
        for pause in LOOKS_SECONDS:
            await self.sleep(pause)
            try:
                flows = await self.source.all_flows()
            except Fault:
                continue
            answered = True
            if found := await self._made_by_it(change.id, flows, wanted, newest):
                return await self._read_back(found, wanted, change.asked.kind)
        return Verdict(State.UNKNOWN, Outcome("unknown.create" if answered else "unknown.create_unseen"))

    async def _made_by_it(
        self, change: ChangeId, flows: Iterable[Flow], wanted: Wanted, newest: FlowId | None
    ) -> FlowId | None:
        """The oldest flow above `newest` with the same content that no other change has made."""
        alike = sorted(flow.id for flow in flows if flow.id > (newest or 0) and _same(Content.of(flow), wanted.content))
        others = await self.store.made(alike, but=change) if alike else frozenset()
        return next((flow for flow in alike if flow not in others), None)

    async def _read_back(self, flow_id: FlowId, wanted: Wanted, kind: Kind) -> Verdict:
        """What Enkapush has now: a success is no proof."""
        flow = await self._look(flow_id)
        if flow is None:
            return Verdict(State.UNKNOWN, Outcome("unknown.not_read_back", {"id": str(flow_id)}, flow_id))
        self.catalog.put(flow)
        if flow.is_enabled:
            return Verdict(State.UNKNOWN, Outcome("unknown.enabled", {"id": str(flow_id)}, flow_id), flow)
        unlike = [difference.field for difference in differences(wanted.content, Content.of(flow))]
        outcome = Outcome(f"applied.{kind}", {"id": str(flow_id)}, flow_id)
        return Verdict(State.APPLIED, outcome, flow, _unlike(unlike))

    # --- an edit ---------------------------------------------------------------------------------------------------

    async def _edit(self, change: Change) -> Verdict:
        wanted, before, flow_id = _wanted(change), change.asked.before, change.asked.flow
        if before is None or flow_id is None:
            raise NotDone("not_done.gone")

        async def attempt(change: Change) -> Verdict:
            image = await self._image(change)
            now = await self._now(flow_id)
            if obstacle := self._obstacle(change, before, now):
                return obstacle
            update = FlowUpdate(Content.of(now), wanted.content, wanted.unread, image)
            if update.is_empty:
                return _applied_edit(flow_id, now, before)
            await self._note_sending(change)
            await self.writer.update(flow_id, update)
            return await self._edited(flow_id, wanted, before)

        return await self._tried(change, attempt)

    async def _tried(self, change: Change, attempt: Callable[[Change], Awaitable[Verdict]]) -> Verdict:
        """Try, and once more where no answer came: the same again has the same effect, and is sent only where it lacks.

        From the first write on that was not answered, nothing proves any more that it was not done: not even a refusal.
        """
        for _ in range(EDIT_TRIES):
            try:
                return await attempt(change)
            except Unclear:
                log.warning("change.unclear", change=change.id)
                change = await self.store.get(change.id) or change
            except NotDone:
                if change.sent_at is None:
                    raise
                break
        return await self.look(change)

    async def _now(self, flow_id: FlowId) -> Flow:
        """The flow as it is.

        Raises:
            NotDone: it is gone, or Enkapush does not say.
        """
        try:
            flow = await self.source.flow(flow_id)
        except Fault as fault:
            raise _not_asked(fault) from fault
        if flow is None:
            raise NotDone("not_done.gone")
        return flow

    def _obstacle(self, change: Change, before: Flow, now: Flow) -> Verdict | None:
        """Whether the flow is no longer what was asked about; our own effect of an earlier try does not count."""
        if fingerprint(now) == fingerprint(before):
            return None
        if change.sent_at is not None:
            return None if _is_reached(change, now) else _unknown(change, now)
        found = [_plain(difference) for difference in flow_differences(before, now)]
        params = {"id": str(now.id), "fields": [each["field"] for each in found], "differences": found}
        return Verdict(State.OUT_OF_DATE, Outcome("out_of_date.edit", params), now)

    async def _note_sending(self, change: Change) -> None:
        """Note that the write goes out; a second try, or one after a crash, has noted it before.

        Raises:
            LeaseLostError: another process has taken the change over.
        """
        if change.sent_at is None and await self.store.latch(change.id, self.owner, self.clock(), None):
            return
        kept = await self.store.get(change.id)
        if kept is None or kept.lease_owner != self.owner or kept.state is not State.APPLYING:
            raise LeaseLostError

    async def _edited(self, flow_id: FlowId, wanted: Wanted, before: Flow) -> Verdict:
        flow = await self._look(flow_id)
        if flow is None:
            return Verdict(State.UNKNOWN, Outcome("unknown.edit", {"id": str(flow_id)}, flow_id))
        self.catalog.put(flow)
        unlike = [difference.field for difference in differences(wanted.content, Content.of(flow))]
        if unlike and _same_content_of(before, flow):
            return Verdict(State.FAILED, Outcome("not_done.ignored", {"fields": unlike}), flow)
        if not _same(Content.of(flow), wanted.content):
            params = {"id": str(flow_id), "fields": unlike}
            return Verdict(State.UNKNOWN, Outcome("unknown.edit_partly", params, flow_id), flow)
        return _applied_edit(flow_id, flow, before, unlike)

    async def _edit_unclear(self, change: Change) -> Verdict:
        """What can be said after every try was unclear."""
        before = _before(change)
        flow = await self._look(before.id)
        if flow is not None and _can_be_read(change) and _is_reached(change, flow):
            self.catalog.put(flow)
            return _applied_edit(before.id, flow, before)
        return _unknown(change, flow)

    # --- enabling, disabling, deleting -----------------------------------------------------------------------------

    async def _switch(self, change: Change) -> Verdict:
        """Enable or disable. The same again has the same effect, so it may be tried again where it is not there."""
        before, enabled = _before(change), change.asked.kind is Kind.ENABLE

        async def attempt(change: Change) -> Verdict:
            now = await self._present(before.id)
            if now is None:
                return gone(before) if change.sent_at is None else _unknown(change, None)
            if obstacle := self._obstacle(change, before, now):
                return obstacle
            if not _is_reached(change, now):
                await self._note_sending(change)
                await self.writer.set_enabled(before.id, enabled)
            return await self._confirmed(change)

        return await self._tried(change, attempt)

    async def _delete(self, change: Change) -> Verdict:
        """Keep the picture, then delete."""
        before = _before(change)

        async def attempt(change: Change) -> Verdict:
            now = await self._present(before.id)
            if now is None:
                return gone(before) if change.sent_at is None else _reached(change, None)
            if obstacle := self._obstacle(change, before, now):
                return obstacle
            await self._keep_picture(change, now)
            await self._note_sending(change)
            await self.writer.delete(before.id)
            return await self._confirmed(change)

        return await self._tried(change, attempt)

    async def _confirmed(self, change: Change) -> Verdict:
        """What Enkapush has now: a success is no proof."""
        before = _before(change)
        try:
            flow = await self.source.flow(before.id)
        except Fault:
            return _unknown(change, None)
        self.catalog.put(flow) if flow else self.catalog.drop(before.id)
        if _is_reached(change, flow) or (change.sent_at is None and _is_switched(change, flow)):
            return _reached(change, flow)
        if change.sent_at is None and flow is not None and fingerprint(flow) == fingerprint(before):
            # This process sent it, and Enkapush said that it was done.
            return Verdict(State.FAILED, Outcome("not_done.ignored_it", {"id": str(before.id)}), flow)
        return _unknown(change, flow)

    async def _present(self, flow_id: FlowId) -> Flow | None:
        """The flow as it is, None where it is gone.

        Raises:
            NotDone: Enkapush does not say.
        """
        try:
            return await self.source.flow(flow_id)
        except Fault as fault:
            raise _not_asked(fault) from fault

    async def _keep_picture(self, change: Change, now: Flow) -> None:
        """Keep the flow's picture for a restore, before anything is deleted.

        Raises:
            NotDone: the picture is there and could not be fetched.
        """
        if now.image_url is None or change.progress.image is not None:
            return
        try:
            picture = await self.flow_pictures.of(now)
        except Fault as fault:
            raise NotDone("not_done.picture", id=str(now.id)) from fault
        if picture is not None:
            kept = await self.images.put(picture, self.clock())
            await self.store.move(change, replace(change, progress=replace(change.progress, image=kept)))

    # --- both ------------------------------------------------------------------------------------------------------

    async def _look(self, flow_id: FlowId) -> Flow | None:
        try:
            return await self.source.flow(flow_id)
        except Fault:
            return None

    async def _image(self, change: Change) -> Image | None:
        """The new picture, if there is one: kept already, or fetched now.

        Raises:
            NotDone: it cannot be had, or it is not one.
        """
        wanted, picture = _wanted(change), change.asked.picture
        if wanted.image is not None:
            if (kept := await self.images.get(ImageId(wanted.image))) is None:
                raise NotDone("not_done.image_gone")
            return kept
        if picture is None:
            return None
        try:
            return await self.pictures.fetch(picture)
        except (UserError, Fault) as error:
            raise NotDone(error.key, **error.params) from error


def _not_asked(fault: Fault) -> NotDone:
    """Enkapush could not even be asked beforehand: the same reason, and nothing was sent."""
    return NotDone(f"not_done.{fault.key.rpartition('_')[2]}")


def _before(change: Change) -> Flow:
    if change.asked.before is None:
        raise NotDone("not_done.gone")
    return change.asked.before


def _is_reached(change: Change, flow: Flow | None) -> bool:
    """Whether the flow is as the change wants it, by what Enkapush tells."""
    kind, before = change.asked.kind, _before(change)
    if kind is Kind.DELETE:
        return flow is None
    if flow is None:
        return False
    if kind is Kind.EDIT:
        return _same(Content.of(flow), _wanted(change).content) and flow.is_enabled == before.is_enabled
    same_content = Content.of(flow) == Content.of(before) and flow.image_url == before.image_url
    return same_content and flow.is_enabled is (kind is Kind.ENABLE)


def _is_switched(change: Change, flow: Flow | None) -> bool:
    """Whether the flow is enabled or disabled as the change wants it, whatever somebody has edited since."""
    if change.asked.kind not in {Kind.ENABLE, Kind.DISABLE} or flow is None:
        return False
    return flow.is_enabled is (change.asked.kind is Kind.ENABLE)


def _reached(change: Change, flow: Flow | None) -> Verdict:
    before = _before(change)
    return Verdict(State.APPLIED, Outcome(f"applied.{change.asked.kind}", {"id": str(before.id)}, before.id), flow)


def _can_be_read(change: Change) -> bool:
    """Whether what the change wants can be read back whole: a picture and some fields cannot."""
    wanted = change.asked.wanted
    return wanted is None or (wanted.unread.is_empty and wanted.image is None and change.asked.picture is None)


def _is_as_before(change: Change, flow: Flow | None) -> bool:
    """Whether nothing is there of what the change wants, so that it was not done if it is not under way either."""
    before = _before(change)
    if change.asked.kind is Kind.EDIT:
        return _can_be_read(change) and flow is not None and fingerprint(flow) == fingerprint(before)
    return flow is None or flow.is_enabled == before.is_enabled


def _unknown(change: Change, flow: Flow | None) -> Verdict:
    before = _before(change)
    return Verdict(State.UNKNOWN, Outcome(f"unknown.{change.asked.kind}", {"id": str(before.id)}, before.id), flow)


def gone(before: Flow) -> Verdict:
    """The flow is not there any more, or not for those who asked."""
    return Verdict(State.OUT_OF_DATE, Outcome("out_of_date.gone", {"id": str(before.id), "gone": True}))


def _plain(difference: Difference) -> dict[str, Any]:
    """A difference as plain data, for keeping."""
    return {"field": difference.field, "before": _value(difference.before), "after": _value(difference.after)}


def _value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _wanted(change: Change) -> Wanted:
    if change.asked.wanted is None:
        raise NotDone("not_done.gone")
    return change.asked.wanted


def _applied_edit(flow_id: FlowId, flow: Flow, before: Flow, unlike: Iterable[str] = ()) -> Verdict:
    changed = [difference.field for difference in flow_differences(before, flow)]
    return Verdict(
        State.APPLIED,
        Outcome("applied.edit", {"id": str(flow_id)}, flow_id),
        flow,
        {"changed": changed, **_unlike(unlike)},
    )


def _unlike(fields: Iterable[str]) -> dict[str, Any]:
    """For the audit: fields that Enkapush keeps otherwise than they were sent."""
    listed = list(fields)
    return {"kept_differently": listed} if listed else {}


def _same_content_of(before: Flow, after: Flow) -> bool:
    return fingerprint(before) == fingerprint(after)


def _same(one: Content, other: Content) -> bool:
    """Whether two contents are the same but for blank space around texts, which a server may trim."""
    return all(_bare(difference.before) == _bare(difference.after) for difference in differences(one, other))


def _bare(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
