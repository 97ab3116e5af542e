"""Mutations that break whom messages tell, how often, and whom they mention."""

from collections.abc import Callable
from typing import Any, Final

from flowbot.domain.ids import ChannelId, UserId
from flowbot.services.ports.messages import MessageKey, MessageRole, Place
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessagePoster
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.notify.outcome_notices import OutcomeNotices
from flowbot.slack.views.message import Message
from flowbot.slack.views.request_message import request_message
from flowbot.storage.repositories.messages import MessageRepository
from tests.model.fake_directory import EVERYBODY
from tests.model.mutation_registry import Mutations, Patch, replace_everywhere

MUTATIONS: Final = Mutations()


@MUTATIONS.register
def a_message_is_sent_before_its_claim(patch: Patch) -> None:
    async def hasty(
        self: OnceSender,
        key: MessageKey,
        version: int,
        channel: ChannelId | UserId,
        build: Callable[[bool], Message],
        thread: str | None,
        patience: float,
    ) -> Place:
        known = await self.messages.get(key)
        if known is not None and known.place is not None:
            return known.place
        place = await self.poster.post(channel, build(True), thread)
        await self.messages.claim(key, version)
        await self.messages.record(key, place, version)
        return place

    patch.setattr(OnceSender, "_send", hasty)


@MUTATIONS.register
def a_message_that_comes_again_mentions_again(patch: Patch) -> None:
    send = OnceSender._send

    async def loud(
        self: OnceSender,
        key: MessageKey,
        version: int,
        channel: ChannelId | UserId,
        build: Callable[[bool], Message],
        thread: str | None,
        patience: float,
    ) -> Place:
        return await send(self, key, version, channel, lambda _: build(True), thread, patience)

    patch.setattr(OnceSender, "_send", loud)


@MUTATIONS.register
def a_claim_that_others_have_is_not_seen(patch: Patch) -> None:
    claim = MessageRepository.claim

    async def blind(self: MessageRepository, key: MessageKey, version: int) -> bool:
        await claim(self, key, version)
        return True

    patch.setattr(MessageRepository, "claim", blind)


@MUTATIONS.register
def a_refused_message_stays_claimed(patch: Patch) -> None:
    async def never(*_: object) -> None:
        return None

    patch.setattr(MessageRepository, "release", never)


@MUTATIONS.register
def an_update_posts_anew(patch: Patch) -> None:
    async def post(self: MessagePoster, channel: ChannelId, _ts: str, message: Message) -> None:
        await self.post(channel, message)

    patch.setattr(MessagePoster, "edit", post)


@MUTATIONS.register
def a_copy_is_not_recorded(patch: Patch) -> None:
    record = MessageRepository.record

    async def forgetful(self: MessageRepository, key: MessageKey, place: Place, version: int) -> None:
        if key.role != MessageRole.DIRECT:
            await record(self, key, place, version)

    patch.setattr(MessageRepository, "record", forgetful)


@MUTATIONS.register
def a_copy_keeps_its_buttons(patch: Patch) -> None:
    def complete(*given: Any, is_copy: bool, **named: Any) -> Message:
        return request_message(*given, **named, is_copy=not is_copy)

    replace_everywhere(patch, request_message, complete, within="flowbot.slack.notify.direct_copies")


@MUTATIONS.register
def who_is_not_in_the_channel_is_not_told_directly(patch: Patch) -> None:
    async def everybody(*_: object) -> frozenset[UserId]:
        return frozenset(EVERYBODY)

    patch.setattr(UserService, "find_members", everybody)


@MUTATIONS.register
def who_takes_no_direct_message_is_not_told(patch: Patch) -> None:
    send = OutcomeNotices.send_directly

    async def once(self: OutcomeNotices, *given: Any) -> None:
        async def give_up(*_: object) -> None:
            return None

        with patch.context() as inner:
            inner.setattr(type(self.responder), "notify_person", give_up)
            await send(self, *given)

    patch.setattr(OutcomeNotices, "send_directly", once)


@MUTATIONS.register
def a_notice_that_its_thread_refuses_is_left_out(patch: Patch) -> None:
    send = OutcomeNotices.send

    async def resigned(self: OutcomeNotices, *given: Any) -> None:
        async def leave_out(*_: object) -> None:
            return None

        with patch.context() as inner:
            inner.setattr(OutcomeNotices, "send_directly", leave_out)
            await send(self, *given)

    patch.setattr(OutcomeNotices, "send", resigned)
