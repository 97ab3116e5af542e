"""A stand-in Slack workspace: Web API, Socket Mode, signed HTTP, Block Kit's rules, and people who act."""

from flowbot.sandbox.slack.client_actions import ClientError
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.demo_workspace import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, build_demo_workspace
from flowbot.sandbox.slack.guide import Guide
from flowbot.sandbox.slack.mentions import Mention
from flowbot.sandbox.slack.models import Channel, Clock, Message, Person, StoredFile, Team, UserGroup, View
from flowbot.sandbox.slack.people.person import SandboxPerson
from flowbot.sandbox.slack.server import SlackSandbox
from flowbot.sandbox.slack.view_responses import SubmissionResult
from flowbot.sandbox.slack.visible_text import text_of
from flowbot.sandbox.slack.workflows import StepRun
from flowbot.sandbox.slack.workspace import Workspace

__all__ = [
    "APP_TOKEN",
    "BOT_TOKEN",
    "SIGNING_SECRET",
    "Channel",
    "ClientError",
    "Clock",
    "Delivery",
    "Guide",
    "Mention",
    "Message",
    "Person",
    "SandboxPerson",
    "SlackSandbox",
    "StepRun",
    "StoredFile",
    "SubmissionResult",
    "Team",
    "UserGroup",
    "View",
    "Workspace",
    "build_demo_workspace",
    "text_of",
]
