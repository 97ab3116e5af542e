"""`views.*`: modals and App Home."""

from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, View
from flowbot.sandbox.slack.mutations import build_view
from flowbot.sandbox.slack.webapi import arguments


def _build_modal(context: Context, args: arguments.OpenView) -> tuple[View, str | None]:
    definition = check_view(args.view, context.workspace, "modal")
    if context.workspace.find_view_by_external_id(definition.get("external_id") or "\0"):
        raise SlackError("duplicate_external_id")
    trigger = context.trigger_ids.redeem(args.trigger_id)
    return build_view(trigger.user_id, definition), trigger.view_id


def open_view(context: Context, args: arguments.OpenView) -> Json:
    """Open a modal (`views.open`) within 3 s of the interaction, once for each trigger id."""
    view, below = _build_modal(context, args)
    if below is None:
        # Commands and messages can only be used while no modal is in front of them.
        context.workspace.modals[view.owner].clear()
    return {"view": context.mutations.serialize_view(context.mutations.open_view(view))}


def push_view(context: Context, args: arguments.OpenView) -> Json:
    """Push a modal (`views.push`) onto the one that the interaction came from, which must still be open."""
    view, below = _build_modal(context, args)
    if not any(v.id == below for v in context.workspace.modals[view.owner]):
        raise SlackError("not_found")
    return {"view": context.mutations.serialize_view(context.mutations.open_view(view))}


def update_view(context: Context, args: arguments.UpdateView) -> Json:
    """Replace a view (`views.update`) by id or external id; a hash guards against overwriting a newer one."""
    if not args.view_id and not args.external_id:
        raise SlackError("invalid_arguments")
    definition = check_view(args.view, context.workspace, None)
    if args.view_id:
        old = context.workspace.find_view(args.view_id)
    else:
        old = context.workspace.find_view_by_external_id(args.external_id or "")
    if old is None:
        raise SlackError("not_found")
    if args.hash and args.hash != old.hash:
        raise SlackError("hash_conflict")
    if definition["type"] != old.type:
        raise SlackError("invalid_arguments")
    new = build_view(old.owner, definition)
    shown = context.mutations.replace_view(old, new) if old.type == "modal" else context.mutations.publish_home(new)
    return {"view": context.mutations.serialize_view(shown)}


def publish_view(context: Context, args: arguments.PublishView) -> Json:
    """Publish a person's App Home (`views.publish`)."""
    definition = check_view(args.view, context.workspace, "home")
    person = context.workspace.get_person(args.user_id)
    old = context.workspace.homes.get(person.id)
    if args.hash and old and args.hash != old.hash:
        raise SlackError("hash_conflict")
    return {"view": context.mutations.serialize_view(context.mutations.publish_home(build_view(person.id, definition)))}
