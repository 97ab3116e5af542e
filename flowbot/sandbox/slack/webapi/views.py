"""`views.*`: modals and App Home."""

from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, View
from flowbot.sandbox.slack.mutations import build_view
from flowbot.sandbox.slack.webapi import arguments as a


def _new_modal(context: Context, args: a.OpenView) -> tuple[View, str | None]:
    definition = check_view(args.view, context.workspace, "modal")
    if context.workspace.find_view_by_external_id(definition.get("external_id") or "\0"):
        raise SlackError("duplicate_external_id")
    trigger = context.trigger_ids.redeem(args.trigger_id)
    return build_view(trigger.user_id, definition), trigger.view_id


def open_view(context: Context, args: a.OpenView) -> Json:
    """`views.open`: within 3 s of the interaction, once for each trigger id."""
    view, below = _new_modal(context, args)
    if below is None:
        # Commands and messages can only be used while no modal is in front of them.
        context.workspace.modals[view.owner].clear()
    return {"view": context.mutations.serialize_view(context.mutations.open_view(view))}


def push(context: Context, args: a.OpenView) -> Json:
    """`views.push`: only from an interaction inside a modal that is still open."""
    view, below = _new_modal(context, args)
    if not any(v.id == below for v in context.workspace.modals[view.owner]):
        raise SlackError("not_found")
    return {"view": context.mutations.serialize_view(context.mutations.open_view(view))}


def update(context: Context, args: a.UpdateView) -> Json:
    """`views.update`: by id or external id; a hash guards against overwriting a newer view."""
    if not args.view_id and not args.external_id:
        raise SlackError("invalid_arguments")
    definition = check_view(args.view, context.workspace, None)
    old = _existing(context, args)
    if args.hash and args.hash != old.hash:
        raise SlackError("hash_conflict")
    if definition["type"] != old.type:
        raise SlackError("invalid_arguments")
    new = build_view(old.owner, definition)
    shown = context.mutations.replace_view(old, new) if old.type == "modal" else context.mutations.publish_home(new)
    return {"view": context.mutations.serialize_view(shown)}


def _existing(context: Context, args: a.UpdateView) -> View:
    workspace = context.workspace
    view = (
        workspace.find_view(args.view_id)
        if args.view_id
        else workspace.find_view_by_external_id(args.external_id or "")
    )
    if view is None:
        raise SlackError("not_found")
    return view


def publish(context: Context, args: a.PublishView) -> Json:
    """`views.publish`: a person's App Home."""
    definition = check_view(args.view, context.workspace, "home")
    person = context.workspace.get_person(args.user_id)
    old = context.workspace.homes.get(person.id)
    if args.hash and old and args.hash != old.hash:
        raise SlackError("hash_conflict")
    return {"view": context.mutations.serialize_view(context.mutations.publish_home(build_view(person.id, definition)))}
