"""`users.*` and `usergroups.*`."""

from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.serializers import group_object, user_object
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.webapi.pagination import page


def info(core: Core, args: a.UserRef) -> Json:
    """`users.info`."""
    person = core.workspace.person(args.user)
    return {"user": user_object(core.workspace, person, include_locale=args.include_locale)}


def list_users(core: Core, args: a.UserList) -> Json:
    """`users.list`, in pages."""
    people, metadata = page([*core.workspace.people.values(), core.workspace.bot], args.cursor, args.limit)
    members = [user_object(core.workspace, p, include_locale=args.include_locale) for p in people]
    return {"members": members, "cache_ts": int(core.clock.now()), "response_metadata": metadata}


def list_groups(core: Core, args: a.GroupList) -> Json:
    """`usergroups.list`; members only with `include_users`, disabled groups only when asked for."""
    groups = [g for g in core.workspace.groups.values() if g.enabled or args.include_disabled]
    shapes = [group_object(core.workspace, g, include_users=args.include_users) for g in groups]
    return {"usergroups": shapes}


def group_users(core: Core, args: a.GroupRef) -> Json:
    """`usergroups.users.list`."""
    group = core.workspace.groups.get(args.usergroup)
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}
