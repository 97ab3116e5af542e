"""`auth.test`, `api.test` and `apps.connections.open`."""

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi import arguments as a


def auth_test(context: Context, _args: a.NoArguments) -> Json:
    """`auth.test`: whose token this is."""
    workspace = context.workspace
    return {
        "url": f"https://{workspace.team.domain}.slack.com/",
        "team": workspace.team.name,
        "user": workspace.bot.name,
        "team_id": workspace.team.id,
        "user_id": workspace.bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def api_test(_context: Context, _args: a.NoArguments) -> Json:
    """`api.test`: says ok."""
    return {"args": {}}
