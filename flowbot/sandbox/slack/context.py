"""Parts that the whole stand-in shares."""

from dataclasses import dataclass, field

from flowbot.sandbox.slack.event_feed import EventFeed
from flowbot.sandbox.slack.exchange_log import ExchangeLog
from flowbot.sandbox.slack.faults import Faults
from flowbot.sandbox.slack.models import Clock, Json
from flowbot.sandbox.slack.mutations import Mutations
from flowbot.sandbox.slack.tokens import ResponseUrls, TriggerIds
from flowbot.sandbox.slack.workflows import Workflows
from flowbot.sandbox.slack.workspace import Workspace

BOT_SCOPES = (
    "commands",
    "chat:write",
    "chat:write.public",
    "files:read",
    "files:write",
    "users:read",
    "usergroups:read",
    "channels:read",
    "groups:read",
    "app_mentions:read",
)
VERIFICATION_TOKEN = "sandbox-verification-token"  # noqa: S105 - Slack's deprecated field, no secret


@dataclass(frozen=True)
class Credentials:
    """The app's tokens and secret."""

    bot_token: str
    app_token: str
    signing_secret: str


@dataclass
class Context:
    """The workspace and everything that acts on it.

    Attributes:
        origin: The base URL of the stand-in, such as `http://127.0.0.1:5555`.
        scopes: The scopes of the bot token; tests may remove some.
        token_refusal: The error that the bot token gets, once it was revoked.
        uploads: Files announced by `files.getUploadURLExternal` and not completed yet, by id.
    """

    workspace: Workspace
    credentials: Credentials
    origin: str = ""
    scopes: set[str] = field(default_factory=lambda: set(BOT_SCOPES))
    token_refusal: str | None = None
    uploads: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build the parts that need the workspace."""
        self.clock: Clock = self.workspace.clock
        self.feed = EventFeed()
        self.exchange_log = ExchangeLog()
        self.faults = Faults()
        self.mutations = Mutations(self.workspace, self.feed, lambda: self.origin)
        self.trigger_ids = TriggerIds(self.clock)
        self.response_urls = ResponseUrls(self.clock)
        self.workflows = Workflows()

    def issue_response_url(self, kind: str, channel: str, user_id: str, ts: str | None = None) -> str:
        """Issue a response URL; `kind` is `commands`, `actions` or `app`."""
        path = self.response_urls.issue(f"{kind}/{self.workspace.team.id}", channel, user_id, ts)
        return self.origin + path

    def build_app_fields(self) -> Json:
        """Return the fields that every interaction payload carries."""
        enterprise = self.workspace.team.enterprise
        return {
            "token": VERIFICATION_TOKEN,
            "api_app_id": self.workspace.app_id,
            "enterprise": {"id": enterprise, "name": enterprise} if enterprise else None,
            "is_enterprise_install": self.workspace.is_enterprise_install,
        }
