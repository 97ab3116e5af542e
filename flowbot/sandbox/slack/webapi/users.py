"""`users.*` and `usergroups.*`."""

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.serializers import serialize_group, serialize_user
from flowbot.sandbox.slack.webapi import arguments
from flowbot.sandbox.slack.webapi.pagination import paginate


def get_user(context: Context, args: arguments.UserRef) -> Json:
    """Return a person (`users.info`)."""
    person = context.workspace.get_person(args.user)
    return {"user": serialize_user(context.workspace, person, include_locale=args.include_locale)}


def list_users(context: Context, args: arguments.UserList) -> Json:
    """Return a page of all people (`users.list`)."""
    people, metadata = paginate([*context.workspace.people.values(), context.workspace.bot], args.cursor, args.limit)
    members = [serialize_user(context.workspace, p, include_locale=args.include_locale) for p in people]
    return {"members": members, "cache_ts": int(context.clock.now()), "response_metadata": metadata}


def list_groups(context: Context, args: arguments.GroupList) -> Json:
    """Return the user groups (`usergroups.list`), with members and disabled ones only if asked for."""
    groups = [g for g in context.workspace.groups.values() if g.enabled or args.include_disabled]
    serialized = [serialize_group(context.workspace, g, include_users=args.include_users) for g in groups]
    return {"usergroups": serialized}


def list_group_users(context: Context, args: arguments.GroupRef) -> Json:
    """Return the ids of a user group's members (`usergroups.users.list`)."""
    group = context.workspace.groups.get(args.usergroup)
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}
