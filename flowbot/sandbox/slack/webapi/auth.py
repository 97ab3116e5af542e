"""`auth.test` and `api.test`."""

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi import arguments


def check_auth(context: Context, _args: arguments.NoArguments) -> Json:
    """Return whose token this is (`auth.test`)."""
    workspace = context.workspace
    return {
        "url": f"{context.origin}/",
        "team": workspace.team.name,
        "user": workspace.bot.name,
        "team_id": workspace.team.enterprise if workspace.is_enterprise_install else workspace.team.id,
        **({"enterprise_id": workspace.team.enterprise} if workspace.team.enterprise else {}),
        "user_id": workspace.bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": workspace.is_enterprise_install,
    }


def check_api(_context: Context, _args: arguments.NoArguments) -> Json:
    """Say ok (`api.test`)."""
    return {"args": {}}
