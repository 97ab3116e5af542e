"""The loader of what a request's message shows."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from zoneinfo import ZoneInfo

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import (
    FieldDifference,
    content_differences,
)
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings
from flowbot.domain.late_effects import LATE_EFFECTS, find_late_edits, take_over_effects
from flowbot.domain.lint import lint
from flowbot.domain.operations import EditOperation, build_operation
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.revisions import unreadable_differences
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_settings import FlowSettings, FlowSettingsLoader
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.form_storage import ImageStore
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.request_details import RequestDetails
from flowbot.services.restores import find_restore


def diff_since_approved(
    change: Change, approved: Change | None, policy: ChannelPolicy | None
) -> tuple[FieldDifference, ...] | None:
    """Compare the flow of a change with the flow as it was last approved.

    Returns:
        None where it never was, or was on a website that the policy does not name: nothing is shown of that.
    """
    flow = change.request.before
    if approved is None or flow is None:
        return None
    last = approved.request.wanted.content if approved.request.wanted else approved.request.before
    if last is None or policy is None or not policy.covers_website(last.website_id):
        return None
    return content_differences(last, flow)


@dataclass(frozen=True, slots=True)
class RequestDetailsLoader:
    """Loads what is shown of a request. It writes nothing.

    Every method raises DependencyError where the database did not answer, LookupError where there is no such change.
    """

    store: ChangeStore
    images: ImageStore
    flow_cache: FlowCache
    settings: FlowSettingsLoader
    recent: RecentFigures
    clock: Clock
    zone: ZoneInfo

    async def load(self, change: Change) -> RequestDetails:
        """Return a change, in the given version, with its votes, names and the description of its image."""
        async with self.store.snapshot():
            record = replace(await self.store.get_record(change.id), change=change)
            details = await self._add_image_and_settings(RequestDetails.of(record, self.zone, self.clock()))
        return await self._name_segments(details)

    async def load_lists(self, *lists: Iterable[ChangeId]) -> list[list[RequestDetails]]:
        """Return the same of several lists of changes, each as it is now; unreadable ones are left out."""
        wanted = [tuple(ids) for ids in lists]
        loaded = {details.change.id: details for details in await self._load_all(dict.fromkeys(chain(*wanted)))}
        return [[loaded[change] for change in ids if change in loaded] for ids in wanted]

    async def _load_all(self, wanted: Collection[ChangeId]) -> list[RequestDetails]:
        if not wanted:
            return []
        async with self.store.snapshot():
            found = [
                RequestDetails.of(record, self.zone, self.clock()) for record in await self.store.get_records([*wanted])
            ]
            flows = {details.flow.id for details in found if details.flow is not None}
            known = await self.settings.store.get_many(flows)
            described = [await self._add_image_and_settings(details, known) for details in found]
        return [await self._name_segments(details) for details in described]

    async def load_newest(self, change_id: ChangeId) -> RequestDetails:
        """Load a change's newest version with everything its message shows.

        While it is pending, also with what to look at; of a deleted flow, with its restore.
        """
        async with self.store.snapshot():
            record = await self.store.get_record(change_id)
            details, change = (
                await self._add_image_and_settings(RequestDetails.of(record, self.zone, self.clock())),
                record.change,
            )
            if change.request.kind is ChangeKind.DELETE and change.state is ChangeState.APPLIED:
                _, restore = await find_restore(self.store, change.id, self.clock())
                details = replace(details, restore=restore)
            if change.state is ChangeState.PENDING:
                details = await self._review(details)
        return await self._name_segments(details)

    async def _review(self, details: RequestDetails) -> RequestDetails:
        """Add to a pending change what whoever decides should look at."""
        change, flow = details.change, details.change.request.flow
        writes = await self.store.sent_since(flow, change.created_at - LATE_EFFECTS) if flow is not None else ()
        details = replace(details, change=take_over_effects(change, writes, self.clock()))
        details = replace(details, late_edits=self._find_late_edits(details, writes))
        change = details.change
        approved = await self.store.last_approved_before(change)
        if change.progress.snapshot_at is not None:
            remarks = (await self.store.list_remarks([change]))[change.id]
            revision = next((each for each in reversed(remarks) if each.is_known_revision), None)
            details = replace(details, revision=revision)
        week = None if flow is None else await self.recent.load(flow)
        details = replace(details, week=week, since_approved=diff_since_approved(change, approved, details.policy))
        request, content = change.request, details.content
        if content is None or request.kind not in {ChangeKind.ENABLE, ChangeKind.EDIT}:
            return details
        hosts = self.flow_cache.find_hosts(content.website_id, request.flow)
        return replace(details, remarks=lint(content, details.sent, sibling_hosts=hosts, utm_may_be_set=True))

    async def _add_image_and_settings(
        self, details: RequestDetails, known: Mapping[FlowId, KnownSettings] | None = None
    ) -> RequestDetails:
        """Add the description of the new image and, while the change is pending, what is `known` of its flow."""
        image, flow = details.change.request.image, details.flow
        described = None if image is None else await self.images.describe(image)
        settings = FlowSettings()
        if details.change.state is ChangeState.PENDING and flow is not None:
            known = await self.settings.store.get_many({flow.id}) if known is None else known
            settings = FlowSettings(known.get(flow.id, NOTHING_KNOWN), flow.changed_at)
        return replace(details, new_image=described, settings=settings)

    async def _name_segments(self, details: RequestDetails) -> RequestDetails:
        settings = await self.settings.name_segments(details.settings, details.sent.segment)
        return replace(details, settings=settings)

    def _find_late_edits(self, details: RequestDetails, writes: Iterable[Change]) -> tuple[FieldDifference, ...]:
        """Find what edits may change yet in the flow of a request, which would take effect with it."""
        flow, kind = details.flow, details.change.request.kind
        if flow is None or kind not in {ChangeKind.ENABLE, ChangeKind.EDIT}:
            return ()
        found: list[FieldDifference] = []
        for edit in find_late_edits(writes, self.clock()):
            operation = build_operation(edit.request)
            if not isinstance(operation, EditOperation):
                continue
            late = [FieldDifference(field, getattr(flow, field), value) for field, value in operation.sent.items()]
            late += unreadable_differences(details.settings.known.values, operation.wanted.write_only)
            found += [each for each in late if each.before != each.after and each not in found]
        return tuple(found)
