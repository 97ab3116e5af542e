"""The stores of a process as far as they tell of messages: the fake Slack hears when one is being sent."""

from typing import Any

from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.services.ports.messages import MessageKey, MessageRole
from tests.model.fake_slack import CLAIMED, FakeSlack
from tests.model.process_faults import ProcessFaults


class MessageStorePort:
    """The store of messages of a process, which notes when a message is being sent."""

    def __init__(self, store: Any, slack: FakeSlack, life: ProcessFaults) -> None:
        self._store = store
        self._slack = slack
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, key: MessageKey, version: int) -> bool:
        self._life.count_send()
        self._slack.begin(key, self._life)
        CLAIMED.set(key)
        is_first: bool = await self._store.claim(key, version)
        self._life.count_send()
        return is_first

    async def release(self, key: MessageKey) -> None:
        await self._store.release(key)
        self._slack.end(key, self._life)

    async def record(self, key: MessageKey, place: tuple[ChannelId, str], version: int) -> None:
        self._life.count_send()
        await self._store.record(key, place, version)
        self._slack.end(key, self._life)


class ChangeStorePort:
    """The store of changes of a process, which notes when a request's first message is recorded."""

    def __init__(self, store: Any, slack: FakeSlack, life: ProcessFaults) -> None:
        self._store = store
        self._slack = slack
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def mark_posted(
        self, change: ChangeId, version: int, place: tuple[ChannelId, str], *, is_first: bool = False
    ) -> Any:
        self._life.count_send()
        noted = await self._store.mark_posted(change, version, place, is_first=is_first)
        if is_first:
            self._slack.end(MessageKey(change, MessageRole.REQUEST), self._life)
        return noted
