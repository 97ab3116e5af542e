"""`auth.test`, `api.test` and `apps.connections.open`."""

from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi import arguments as a


def auth_test(core: Core, _args: a.Nothing) -> Json:
    """`auth.test`: whose token this is."""
    workspace = core.workspace
    return {
        "url": f"https://{workspace.team.domain}.slack.com/",
        "team": workspace.team.name,
        "user": workspace.bot.name,
        "team_id": workspace.team.id,
        "user_id": workspace.bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def api_test(_core: Core, _args: a.Nothing) -> Json:
    """`api.test`: says ok."""
    return {"args": {}}
