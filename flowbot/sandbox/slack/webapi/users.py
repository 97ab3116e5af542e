"""`users.*` and `usergroups.*`."""

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.serializers import serialize_group, serialize_user
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.webapi.pagination import paginate


def info(context: Context, args: a.UserRef) -> Json:
    """`users.info`."""
    person = context.workspace.get_person(args.user)
    return {"user": serialize_user(context.workspace, person, include_locale=args.include_locale)}


def list_users(context: Context, args: a.UserList) -> Json:
    """`users.list`, in pages."""
    people, metadata = paginate([*context.workspace.people.values(), context.workspace.bot], args.cursor, args.limit)
    members = [serialize_user(context.workspace, p, include_locale=args.include_locale) for p in people]
    return {"members": members, "cache_ts": int(context.clock.now()), "response_metadata": metadata}


def list_groups(context: Context, args: a.GroupList) -> Json:
    """`usergroups.list`; members only with `include_users`, disabled groups only when asked for."""
    groups = [g for g in context.workspace.groups.values() if g.enabled or args.include_disabled]
    shapes = [serialize_group(context.workspace, g, include_users=args.include_users) for g in groups]
    return {"usergroups": shapes}


def list_group_users(context: Context, args: a.GroupRef) -> Json:
    """`usergroups.users.list`."""
    group = context.workspace.groups.get(args.usergroup)
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}
