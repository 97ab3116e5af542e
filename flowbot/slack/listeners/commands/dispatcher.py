"""The dispatcher of `/flows` commands."""

from flowbot.errors import UserError
from flowbot.services.flow_queries import ListRequest
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.policy.submission import PolicyFormViews
from flowbot.slack.listeners.commands import parser
from flowbot.slack.listeners.commands.show import FlowViewer
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.incoming import SlashCommand
from flowbot.slack.runner import Handler, Interaction, Reply, Runner
from flowbot.slack.views import flow_list
from flowbot.slack.views.help import help_message


class CommandDispatcher:
    """`/flows …`."""

    def __init__(
        self, runner: Runner, opening: FormOpener, requests: RequestActions, showing: FlowViewer, setup: PolicyFormViews
    ) -> None:
        self._runner = runner
        self._opening = opening
        self._requests = requests
        self._showing = showing
        self._setup = setup

    def dispatch(self, command: SlashCommand) -> None:
        """Begin to carry out a command; its answer follows on its own."""
        place = ReplyTarget(command.channel_id, command.user_id, command.response_url)
        typed = _parse_or_error(command.text)
        work = self._work(typed, command.trigger_id)
        once = command.delivery_key if isinstance(typed, parser.RequestChange) else None
        self._runner.start("command", request_label(command), command.caller, place, work, once=once)

    def _work(self, typed: parser.Command | UserError, trigger: str) -> Handler:
        async def work(interaction: Interaction) -> Reply:
            if isinstance(typed, UserError):
                raise typed
            return await self._carried_out(interaction, typed, trigger)

        return work

    async def _carried_out(self, interaction: Interaction, command: parser.Command, trigger: str) -> Reply:
        match command:
            case parser.Help():
                answer = await self._help(interaction)
            case parser.List(request):
                answer = await self._list(interaction, request)
            case parser.Show(flow_id):
                answer = await self._showing.show(interaction, flow_id)
            case parser.OpenForm(kind, flow_or_none):
                answer = await self._opening.open_form(interaction, kind, flow_or_none, trigger)
            case parser.RequestChange(kind, flow_id, reason):
                answer = await self._requests.request_change(interaction, kind, flow_id, reason)
            case parser.Approvals():
                answer = await self._requests.list_approvals(interaction)
            case parser.Setup():
                answer = await self._setup.open(interaction, trigger)
            case parser.History(flow_or_all):
                answer = await self._showing.show_history(interaction, flow_or_all)
        return answer

    async def _help(self, interaction: Interaction) -> Reply:
        rights = await self._runner.flow_queries.rights(interaction.user, interaction.target.require_channel())
        return Reply(help_message(rights, interaction.t))

    async def _list(self, interaction: Interaction, request: ListRequest) -> Reply:
        result = await self._runner.flow_queries.list_flows(
            interaction.user, interaction.target.require_channel(), request
        )
        return Reply(flow_list.flow_list_message(result, interaction.t, self._runner.clock()))


def _parse_or_error(text: str) -> parser.Command | UserError:
    """The command, or what is wrong with it, to be told in the person's own words."""
    try:
        return parser.parse_command(text)
    except UserError as error:
        return error
