"""What each word after `/flows` does: load, and show."""

from flowbot.errors import UserError
from flowbot.services.flow_queries import ListRequest
from flowbot.slack import grammar
from flowbot.slack.desk import Answer, Desk, Visit, Work
from flowbot.slack.forms.opening import FormOpening
from flowbot.slack.names import name_of
from flowbot.slack.payloads import SlashCommand
from flowbot.slack.replies import Place
from flowbot.slack.requests import Requests
from flowbot.slack.setup.desk import SetupDesk
from flowbot.slack.showing import Showing
from flowbot.slack.views import flows
from flowbot.slack.views.help import help_here


class Commands:
    """`/flows …`."""

    def __init__(
        self, desk: Desk, opening: FormOpening, requests: Requests, showing: Showing, setup: SetupDesk
    ) -> None:
        self._desk = desk
        self._opening = opening
        self._requests = requests
        self._showing = showing
        self._setup = setup

    def take(self, command: SlashCommand) -> None:
        """Begin to carry out a command; its answer follows on its own."""
        place = Place(command.channel_id, command.user_id, command.response_url)
        typed = _read(command.text)
        work = self._work(typed, command.trigger_id)
        once = command.key if isinstance(typed, grammar.Ask) else None
        self._desk.take("command", name_of(command), command.caller, place, work, once=once)

    def _work(self, typed: grammar.Command | UserError, trigger: str) -> Work:
        async def work(visit: Visit) -> Answer:
            if isinstance(typed, UserError):
                raise typed
            return await self._carried_out(visit, typed, trigger)

        return work

    async def _carried_out(self, visit: Visit, command: grammar.Command, trigger: str) -> Answer:
        match command:
            case grammar.Help():
                answer = await self._help(visit)
            case grammar.List(request):
                answer = await self._list(visit, request)
            case grammar.Show(flow_id):
                answer = await self._showing.show(visit, flow_id)
            case grammar.Form(kind, flow_or_none):
                answer = await self._opening.open(visit, kind, flow_or_none, trigger)
            case grammar.Ask(kind, flow_id, reason):
                answer = await self._requests.ask(visit, kind, flow_id, reason)
            case grammar.Approvals():
                answer = await self._requests.waiting(visit)
            case grammar.Setup():
                answer = await self._setup.open(visit, trigger)
            case grammar.History(flow_or_all):
                answer = await self._showing.past(visit, flow_or_all)
        return answer

    async def _help(self, visit: Visit) -> Answer:
        rights = await self._desk.reading.rights(visit.reader, visit.place.channel)
        return Answer(help_here(rights, visit.t))

    async def _list(self, visit: Visit, request: ListRequest) -> Answer:
        result = await self._desk.reading.list(visit.reader, visit.place.channel, request)
        return Answer(flows.flow_list(result, visit.t, self._desk.clock()))


def _read(text: str) -> grammar.Command | UserError:
    """The command, or what is wrong with it, to be told in the person's own words."""
    try:
        return grammar.parse(text)
    except UserError as error:
        return error
