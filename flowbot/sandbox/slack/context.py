"""What all parts of the stand-in share."""

from dataclasses import dataclass, field

from flowbot.sandbox.slack.event_feed import Feed
from flowbot.sandbox.slack.exchange_log import Journal
from flowbot.sandbox.slack.faults import Faults
from flowbot.sandbox.slack.models import Clock, Json
from flowbot.sandbox.slack.mutations import Stage
from flowbot.sandbox.slack.tokens import ResponseUrls, Triggers
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
)
VERIFICATION_TOKEN = "sandbox-verification-token"  # noqa: S105 - Slack's deprecated field, no secret


@dataclass(frozen=True)
class Credentials:
    """The app's tokens and secret."""

    bot_token: str
    app_token: str
    signing_secret: str


@dataclass
class Core:
    """The workspace and everything that acts on it.

    Attributes:
        origin: Where the stand-in is reached, such as `http://127.0.0.1:5555`.
        scopes: What the bot token may do; tests may take some away.
        uploads: Files announced by `files.getUploadURLExternal` and not completed yet, by id.
    """

    workspace: Workspace
    credentials: Credentials
    origin: str = ""
    scopes: set[str] = field(default_factory=lambda: set(BOT_SCOPES))
    uploads: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build the parts that need the workspace."""
        self.clock: Clock = self.workspace.clock
        self.feed = Feed()
        self.journal = Journal()
        self.faults = Faults()
        self.stage = Stage(self.workspace, self.feed, lambda: self.origin)
        self.triggers = Triggers(self.clock)
        self.response_urls = ResponseUrls(self.clock)

    def response_url(self, kind: str, channel: str, user_id: str, ts: str | None = None) -> str:
        """Return a new response URL; `kind` is `commands`, `actions` or `app`."""
        path = self.response_urls.issue(f"{kind}/{self.workspace.team.id}", channel, user_id, ts)
        return self.origin + path

    def app_fields(self) -> Json:
        """Return the fields that every interaction payload carries."""
        return {
            "token": VERIFICATION_TOKEN,
            "api_app_id": self.workspace.app_id,
            "enterprise": None,
            "is_enterprise_install": False,
        }
