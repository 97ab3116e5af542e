"""The commands, in the order in which people read them, and what each depends on."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from flowbot.services.flow_queries import FlowQueries
from flowbot.services.flow_statistics import StatisticsService
from flowbot.services.inbox import RequestQueue
from flowbot.services.ports import Clock
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.references import ReferenceNames
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.listeners.absence_actions import AbsenceActions
from flowbot.slack.listeners.approval_channel import ApprovalChannelGuide
from flowbot.slack.listeners.commands.approvals import ApprovalsCommand
from flowbot.slack.listeners.commands.away import AwayCommand
from flowbot.slack.listeners.commands.back import BackCommand
from flowbot.slack.listeners.commands.command import Command
from flowbot.slack.listeners.commands.create import CreateCommand
from flowbot.slack.listeners.commands.delete import DeleteCommand
from flowbot.slack.listeners.commands.disable import DisableCommand
from flowbot.slack.listeners.commands.duplicate import DuplicateCommand
from flowbot.slack.listeners.commands.edit import EditCommand
from flowbot.slack.listeners.commands.enable import EnableCommand
from flowbot.slack.listeners.commands.help import HelpCommand
from flowbot.slack.listeners.commands.history import HistoryCommand
from flowbot.slack.listeners.commands.list import ListCommand
from flowbot.slack.listeners.commands.setup import SetupCommand
from flowbot.slack.listeners.commands.show import ShowCommand
from flowbot.slack.listeners.commands.stats import StatsCommand
from flowbot.slack.listeners.commands.stop import StopCommand
from flowbot.slack.listeners.flow_viewer import FlowViewer
from flowbot.slack.listeners.history_actions import HistoryActions
from flowbot.slack.listeners.policy_form import PolicyFormHandler
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.stop_actions import StopActions

COMMANDS: Final[tuple[type[Command[Any]], ...]] = (
    ListCommand,
    ShowCommand,
    StatsCommand,
    CreateCommand,
    EditCommand,
    DuplicateCommand,
    EnableCommand,
    DisableCommand,
    DeleteCommand,
    StopCommand,
    AwayCommand,
    BackCommand,
    ApprovalsCommand,
    HistoryCommand,
    SetupCommand,
    HelpCommand,
)


def build_commands(  # noqa: PLR0913 - everything that commands depend on is joined here, once
    *,
    flow_queries: FlowQueries,
    statistics: StatisticsService,
    policies: PolicyStore,
    guide: ApprovalChannelGuide,
    viewer: FlowViewer,
    history: HistoryActions,
    opener: FormOpener,
    requests: RequestActions,
    stops: StopActions,
    absences: AbsenceActions,
    queue: RequestQueue,
    details: RequestDetailsLoader,
    links: ArchiveLinks,
    names: ReferenceNames,
    policy_form: PolicyFormHandler,
    clock: Clock,
    zone: ZoneInfo,
) -> tuple[Command[Any], ...]:
    """Return the commands with their dependencies."""
    return (
        ListCommand(flow_queries, clock),
        ShowCommand(viewer),
        StatsCommand(statistics, clock),
        CreateCommand(opener),
        EditCommand(opener),
        DuplicateCommand(opener),
        EnableCommand(requests, names, clock),
        DisableCommand(requests, names, clock),
        DeleteCommand(requests, names, clock),
        StopCommand(stops, names),
        AwayCommand(absences, clock),
        BackCommand(absences),
        ApprovalsCommand(queue, details, links, clock),
        HistoryCommand(history),
        SetupCommand(policy_form),
        HelpCommand(policies, guide, {command.word: command.permission for command in COMMANDS}, clock, zone),
    )
