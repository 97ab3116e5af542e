"""`functions.*`: how the app's steps in workflows end."""

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi import arguments


def complete_success(context: Context, args: arguments.CompleteSuccess) -> Json:
    """Complete a run of a step with its outputs (`functions.completeSuccess`)."""
    run = context.workflows.find_running(args.function_execution_id)
    context.workflows.check_outputs(run, args.outputs)
    run.state, run.outputs = "completed", args.outputs
    context.feed.wake()
    return {}


def complete_error(context: Context, args: arguments.CompleteError) -> Json:
    """Let a run of a step fail (`functions.completeError`)."""
    run = context.workflows.find_running(args.function_execution_id)
    run.state, run.error = "failed", args.error
    context.feed.wake()
    return {}
