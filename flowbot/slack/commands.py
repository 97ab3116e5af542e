"""What each word after `/flows` does: load, and show."""

from flowbot.services.reading import ListRequest
from flowbot.slack import grammar
from flowbot.slack.desk import Answer, Desk, Visit, Work
from flowbot.slack.payloads import SlashCommand
from flowbot.slack.replies import Place
from flowbot.slack.views import flows
from flowbot.slack.views.help import help_here


class Commands:
    """`/flows …`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take(self, command: SlashCommand) -> None:
        """Begin to carry out a command; its answer follows on its own."""
        place = Place(command.channel_id, command.user_id, command.response_url)
        self._desk.take("command", command.caller, place, self._work(command.text))

    def _work(self, text: str) -> Work:
        async def work(visit: Visit) -> Answer:
            match grammar.parse(text):
                case grammar.Help():
                    return await self._help(visit)
                case grammar.List(request):
                    return await self._list(visit, request)
                case grammar.Show(flow_id):
                    shown = await self._desk.reading.show(visit.reader, visit.place.channel, flow_id)
                    return Answer(flows.shown_flow(shown, visit.t, self._desk.clock()))

        return work

    async def _help(self, visit: Visit) -> Answer:
        rights = await self._desk.reading.rights(visit.reader, visit.place.channel)
        return Answer(help_here(rights, visit.t))

    async def _list(self, visit: Visit, request: ListRequest) -> Answer:
        result = await self._desk.reading.list(visit.reader, visit.place.channel, request)
        return Answer(flows.flow_list(result, visit.t, self._desk.clock()))
