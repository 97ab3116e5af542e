"""The dispatcher of `/flows` commands."""

from flowbot.errors import UserError
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.listeners.commands import parser
from flowbot.slack.listeners.commands.viewers import ApprovalsViewer, FlowViewer
from flowbot.slack.listeners.policy_form import PolicyFormHandler
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.incoming import SlashCommand
from flowbot.slack.runner import Interaction, Reply, Runner
from flowbot.slack.views import flow_list
from flowbot.slack.views.help import help_message


class CommandDispatcher:
    """Finds the handler of a command."""

    def __init__(
        self,
        runner: Runner,
        opener: FormOpener,
        requests: RequestActions,
        viewer: FlowViewer,
        approvals: ApprovalsViewer,
        setup: PolicyFormHandler,
    ) -> None:
        self._runner = runner
        self._opener = opener
        self._requests = requests
        self._viewer = viewer
        self._approvals = approvals
        self._setup = setup

    def dispatch(self, command: SlashCommand) -> None:
        """Start to handle a command; its answer follows on its own. A request is handled once."""
        parsed: parser.Command | UserError
        try:
            parsed = parser.parse_command(command.text)
        except UserError as error:
            parsed = error

        async def handle(interaction: Interaction) -> Reply:
            if isinstance(parsed, UserError):
                # Raised here, where it is told in the person's language.
                raise parsed
            return await self._run(interaction, parsed, command.trigger_id)

        target = ReplyTarget(command.channel_id, command.user_id, command.response_url)
        once = command.delivery_key if isinstance(parsed, parser.RequestChange) else None
        self._runner.start("command", request_label(command), command.caller, target, handle, once=once)

    async def _run(self, interaction: Interaction, command: parser.Command, trigger: str) -> Reply:
        user, channel = interaction.user, interaction.target.require_channel()
        match command:
            case parser.Help():
                rights = await self._runner.flow_queries.load_permissions(user, channel)
                reply = Reply(help_message(rights, interaction.t))
            case parser.List(request):
                flows = await self._runner.flow_queries.list_flows(user, channel, request)
                reply = Reply(flow_list.flow_list_message(flows, interaction.t, self._runner.clock()))
            case parser.Show(flow_id):
                reply = await self._viewer.show(interaction, flow_id)
            case parser.OpenForm(kind, flow_or_none):
                reply = await self._opener.open_form(interaction, kind, flow_or_none, trigger)
            case parser.RequestChange(kind, flow_id, reason):
                reply = await self._requests.request_change(interaction, kind, flow_id, reason)
            case parser.Approvals():
                reply = await self._approvals.list_approvals(interaction)
            case parser.Setup():
                reply = await self._setup.open(interaction, trigger)
            case parser.History(flow_or_all):
                reply = await self._viewer.show_history(interaction, flow_or_all)
        return reply
