"""`views.*`: modals and App Home."""

from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, View
from flowbot.sandbox.slack.mutations import new_view
from flowbot.sandbox.slack.webapi import arguments as a


def _new_modal(core: Core, args: a.OpenView) -> tuple[View, str | None]:
    definition = check_view(args.view, core.workspace, "modal")
    if core.workspace.view_by_external_id(definition.get("external_id") or "\0"):
        raise SlackError("duplicate_external_id")
    trigger = core.triggers.redeem(args.trigger_id)
    return new_view(trigger.user_id, definition), trigger.view_id


def open_view(core: Core, args: a.OpenView) -> Json:
    """`views.open`: within 3 s of the interaction, once for each trigger id."""
    view, below = _new_modal(core, args)
    if below is None:
        # Commands and messages can only be used while no modal is in front of them.
        core.workspace.modals[view.owner].clear()
    return {"view": core.stage.shown(core.stage.open_view(view))}


def push(core: Core, args: a.OpenView) -> Json:
    """`views.push`: only from an interaction inside a modal that is still open."""
    view, below = _new_modal(core, args)
    if not any(v.id == below for v in core.workspace.modals[view.owner]):
        raise SlackError("not_found")
    return {"view": core.stage.shown(core.stage.open_view(view))}


def update(core: Core, args: a.UpdateView) -> Json:
    """`views.update`: by id or external id; a hash guards against overwriting a newer view."""
    if not args.view_id and not args.external_id:
        raise SlackError("invalid_arguments")
    definition = check_view(args.view, core.workspace, None)
    old = _existing(core, args)
    if args.hash and args.hash != old.hash:
        raise SlackError("hash_conflict")
    if definition["type"] != old.type:
        raise SlackError("invalid_arguments")
    new = new_view(old.owner, definition)
    shown = core.stage.replace_view(old, new) if old.type == "modal" else core.stage.set_home(new)
    return {"view": core.stage.shown(shown)}


def _existing(core: Core, args: a.UpdateView) -> View:
    workspace = core.workspace
    view = workspace.view(args.view_id) if args.view_id else workspace.view_by_external_id(args.external_id or "")
    if view is None:
        raise SlackError("not_found")
    return view


def publish(core: Core, args: a.PublishView) -> Json:
    """`views.publish`: a person's App Home."""
    definition = check_view(args.view, core.workspace, "home")
    person = core.workspace.person(args.user_id)
    old = core.workspace.homes.get(person.id)
    if args.hash and old and args.hash != old.hash:
        raise SlackError("hash_conflict")
    return {"view": core.stage.shown(core.stage.set_home(new_view(person.id, definition)))}
