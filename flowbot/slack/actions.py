"""What each button does. Every press is authorised afresh, and answered."""

from collections.abc import Awaitable, Callable, Mapping

from flowbot.domain.fields import FormKind
from flowbot.domain.ids import FlowId, FormToken
from flowbot.domain.policy import Permission
from flowbot.errors import UserError
from flowbot.slack.desk import Answer, Desk, Visit, Work
from flowbot.slack.forms.opening import FormOpening
from flowbot.slack.home import HomeTab
from flowbot.slack.ids import Action
from flowbot.slack.names import name_of
from flowbot.slack.payloads import BlockActions
from flowbot.slack.replies import Place
from flowbot.slack.requests import Requests
from flowbot.slack.showing import Showing
from flowbot.slack.values import FlowValue, ListValue, read_value
from flowbot.slack.views import flows, sentences

Handler = Callable[[Visit, BlockActions], Awaitable[Answer]]


class Actions:
    """The buttons of messages and of the Home tab."""

    def __init__(self, desk: Desk, opening: FormOpening, requests: Requests, showing: Showing, home: HomeTab) -> None:
        self._desk = desk
        self._showing = showing
        self._home = home
        self._opening = opening
        changing = requests.handlers()
        self._once = frozenset({Action.LIST_SHARE, Action.SHOW_SHARE, *changing})
        self._handlers: Mapping[str, Handler] = {
            Action.LIST_PREVIOUS: self._turn,
            Action.LIST_NEXT: self._turn,
            Action.LIST_SHARE: self._share_list,
            Action.SHOW: self._show,
            Action.SHOW_SHARE: self._share_flow,
            Action.FLOW_EDIT: self._edit,
            Action.FLOW_DUPLICATE: self._duplicate,
            Action.FORM_OPEN: self._open_form,
            Action.CHANGE_OPEN: _nothing_to_do,
            **changing,
        }

    def take(self, press: BlockActions) -> None:
        """Begin to carry out what a button stands for; its answer follows on its own."""
        place = Place(press.channel.id if press.channel else None, press.user.id, press.response_url)
        work = self._home.drawn_after(self._work(press), seen=press.view_hash)
        once = press.key if press.action.action_id in self._once else None
        self._desk.take("action", name_of(press), press.caller, place, work, once=once)

    def _work(self, press: BlockActions) -> Work:
        async def work(visit: Visit) -> Answer:
            handler = self._handlers.get(press.action.action_id)
            if handler is None:
                raise UserError("action.unknown")
            return await handler(visit, press)

        return work

    async def _edit(self, visit: Visit, press: BlockActions) -> Answer:
        visit, flow = await self._where_it_counts(visit, press, Permission.EDIT)
        return await self._opening.open(visit, FormKind.EDIT, flow, press.trigger_id)

    async def _duplicate(self, visit: Visit, press: BlockActions) -> Answer:
        visit, flow = await self._where_it_counts(visit, press, Permission.EDIT)
        return await self._opening.open(visit, FormKind.DUPLICATE, flow, press.trigger_id)

    async def _where_it_counts(self, visit: Visit, press: BlockActions, permission: Permission) -> tuple[Visit, FlowId]:
        """The visit to the channel whose policy decides, and the flow that the button is about."""
        value = read_value(FlowValue, press.action.value)
        return await self._desk.where_it_counts(visit, value.channel, permission), value.flow

    async def _open_form(self, visit: Visit, press: BlockActions) -> Answer:
        return await self._opening.reopen(visit, FormToken(press.action.value), press.trigger_id)

    async def _turn(self, visit: Visit, press: BlockActions) -> Answer:
        wanted = read_value(ListValue, press.action.value).request
        result = await self._desk.reading.list(visit.reader, visit.place.channel, wanted, turning=True)
        return Answer(flows.flow_list(result, visit.t, self._desk.clock()), replacing=True)

    async def _show(self, visit: Visit, press: BlockActions) -> Answer:
        visit, flow_id = await self._where_it_counts(visit, press, Permission.VIEW)
        return await self._showing.show(visit, flow_id)

    async def _share_list(self, visit: Visit, press: BlockActions) -> Answer:
        desk, reader, channel = self._desk, visit.reader, visit.place.channel
        await desk.reading.may_share(reader, channel)
        result = await desk.reading.list(
            reader, channel, read_value(ListValue, press.action.value).request, turning=True
        )
        t = desk.locales.channel(reader.locale)
        await desk.replies.publicly(visit.place, flows.shared_list(result, reader.user, t, desk.clock()))
        return Answer(sentences.sentence(visit.t, "share.done"))

    async def _share_flow(self, visit: Visit, press: BlockActions) -> Answer:
        visit, flow_id = await self._where_it_counts(visit, press, Permission.SHARE)
        desk, reader, channel = self._desk, visit.reader, visit.place.channel
        await desk.reading.may_share(reader, channel)
        shown = await desk.reading.show(reader, channel, flow_id)
        t = desk.locales.channel(reader.locale)
        await desk.replies.publicly(visit.place, flows.shared_flow(shown, reader.user, t, desk.clock()))
        return Answer(sentences.sentence(visit.t, "share.done"))


async def _nothing_to_do(_visit: Visit, _press: BlockActions) -> Answer:
    """A button that leads to a page tells of it, too."""
    return Answer()
