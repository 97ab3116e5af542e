"""The demo workspace: a small company with marketers, an approver, an admin and an agency."""

from flowbot.sandbox.slack.guide import Guide
from flowbot.sandbox.slack.models import Channel, Person, Team, UserGroup
from flowbot.sandbox.slack.workspace import Workspace

BOT_TOKEN = "xoxb-sandbox-flowbot"  # noqa: S105 - valid for this stand-in only
APP_TOKEN = "xapp-1-A0FLOWBOT-sandbox"  # noqa: S105 - same
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - same

_LALE = Team("T0LALE", "Lale Grup", "lale-grup")
_WERBEHAUS = Team("T0WERBE", "Werbehaus", "werbehaus")


def _build_people() -> list[Person]:
    return [
        Person("U0AYSE", "ayse", "Ayşe Yılmaz", _LALE, "Marketing", "tr-TR", color="e0709a"),
        Person("U0BURAK", "burak", "Burak Demir", _LALE, "Head of marketing", "tr-TR", color="3c8f7c"),
        Person("U0EMMA", "emma", "Emma Clarke", _LALE, "Marketing", "en-GB", "Europe/London", "GMT", 0, "4b6cc1"),
        Person("U0DENIZ", "deniz", "Deniz Kaya", _LALE, "IT", "en-US", color="b3752f", is_admin=True),
        Person(
            "U0JONAS",
            "jonas",
            "Jonas Weber",
            _WERBEHAUS,
            "Account manager",
            None,
            "Europe/Berlin",
            "Central European Time",
            3600,
            "7a7a7a",
        ),
    ]


def _build_channels() -> list[Channel]:
    own = ["U0AYSE", "U0BURAK", "U0EMMA", "U0DENIZ"]
    bot = "U0FLOWBOT"
    return [
        Channel("C0MARKETING", "marketing", [*own, bot], "Campaigns and push flows"),
        Channel("C0APPROVALS", "kampanya-onay", [*own, bot], "Requests for approval", is_private=True),
        Channel("C0AGENCY", "ajans-werbehaus", [*own, "U0JONAS", bot], "With Werbehaus", is_shared=True),
        Channel("C0RANDOM", "random", [*own], "Anything else"),
    ]


def build_demo_workspace(guide: Guide | None = None) -> Workspace:
    """Return a fresh demo workspace: team Lale Grup, its agency, two user groups and four channels."""
    bot = Person("U0FLOWBOT", "flowbot", "flowbot", _LALE, is_bot=True, color="2eb67d")
    groups = [
        UserGroup("S0EDITORS", "editors", "Editors", ["U0AYSE", "U0EMMA"]),
        UserGroup("S0LEADS", "leads", "Leads", ["U0BURAK"]),
    ]
    return Workspace(
        team=_LALE,
        bot=bot,
        app_id="A0FLOWBOT",
        bot_id="B0FLOWBOT",
        people={p.id: p for p in _build_people()},
        groups={g.id: g for g in groups},
        channels={c.id: c for c in _build_channels()},
        guide=guide,
    )
