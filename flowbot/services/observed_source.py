"""The observed source: whatever anybody reads of flows is shown to an observer, in the background."""

from collections.abc import Awaitable

import structlog

from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId
from flowbot.errors import DependencyError
from flowbot.services.ports import TaskStarter
from flowbot.services.ports.enkapush import AllFlows, FlowObserver, FlowSource
from flowbot.services.ports.slack import NotifyCallback

log = structlog.get_logger(__name__)


class ObservedSource(FlowSource):
    """A source of flows with an observer, once there is one."""

    def __init__(self, source: FlowSource, start_task: TaskStarter) -> None:
        self._source = source
        self._start_task = start_task
        self._is_observing_all = False
        self._observer: tuple[FlowObserver, NotifyCallback] | None = None

    def observe_with(self, observer: FlowObserver, notify: NotifyCallback) -> None:
        """Show what is read from now on to `observer`, which notifies people of what it finds."""
        self._observer = (observer, notify)

    async def list_flows(self) -> AllFlows:
        """Read every flow of the account, and start to observe that, unless an earlier reading is observed still."""
        read = await self._source.list_flows()
        if self._observer is not None and not self._is_observing_all:
            self._is_observing_all = True
            self._start_task(self._observe_all(*self._observer, read), name="reading of all flows")
        return read

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        """Read one flow, and start to observe that."""
        flow = await self._source.get_flow(flow_id)
        if self._observer is not None:
            observer, notify = self._observer
            observation = _guard(observer.observe_flow(flow_id, flow, notify))
            self._start_task(observation, name=f"reading of flow {flow_id}")
        return flow

    async def _observe_all(self, observer: FlowObserver, notify: NotifyCallback, read: AllFlows) -> None:
        try:
            await _guard(observer.observe_all(read, notify))
        finally:
            self._is_observing_all = False


async def _guard(observation: Awaitable[None]) -> None:
    """Run an observation; what fails is observed with a later reading."""
    try:
        await observation
    except DependencyError as error:
        log.warning("reading.not_observed", error=str(error))
