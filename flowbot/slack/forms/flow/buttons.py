"""Buttons and menus in a flow's form."""

from collections.abc import Awaitable, Callable

from flowbot.slack.forms.flow.form import FlowForm, SubmittedForm
from flowbot.slack.payloads.incoming import BlockActions, ReplyTarget
from flowbot.slack.runner import Interaction, Reply, Runner

FormButtonHandler = Callable[[Interaction, SubmittedForm, BlockActions], Awaitable[Reply]]


def form_button_starter(runner: Runner, handler: FormButtonHandler) -> Callable[[BlockActions], None]:
    """Return what starts the handler of a button or menu in a form. It answers in the channel of the form."""

    def start(press: BlockActions) -> None:
        form = FlowForm.parse(press.view) if press.view else None
        if form is None:
            return

        async def handle(interaction: Interaction) -> Reply:
            return await handler(interaction, form, press)

        target = ReplyTarget(form.metadata.channel, press.user.id, "")
        runner.start("form_action", press.metric_label, press.caller, target, handle)

    return start
