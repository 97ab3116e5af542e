"""Steps at the form of `/flows setup`: open it, walk through its steps, and save."""

from typing import Any, Final

from flowbot.sandbox.slack import SandboxPerson, SubmissionResult, View
from tests.journeys.form_steps import is_form, open_form, submit_label
from tests.journeys.world import RANDOM

SAVE: Final = frozenset({"Save", "Kaydet"})
BACK: Final = frozenset({"Back", "Geri"})
MORE: Final = frozenset({"More settings", "Diğer ayarlar"})
MORE_LABELS: Final = frozenset(
    {
        "Quorum for large audiences",
        "Stand-ins",
        "Reason required",
        "Escalate after (hours)",
        "Escalate to: people",
        "Escalate to: user groups",
        "Self-approval",
        "Expiry in hours",
        "How approvers are notified",
        "Skip approval",
        "Pushes in shared channels",
        "Language of messages",
        "Changes made outside flowbot",
        "Breaker: pushes sent",
        "Breaker: lowest click rate (%)",
        "Breaker: highest close rate (%)",
        "Weekly digest",
    }
)
"""The fields that the last step shows once they are asked for."""


async def open_setup(person: SandboxPerson, channel: str = RANDOM) -> View:
    """Open the form at its first step."""
    return await open_form(person, "/flows setup", channel)


async def press(person: SandboxPerson, labels: frozenset[str] | str, seen: str) -> View:
    """Press a button of the open form, and wait until its private metadata or a label has `seen`."""
    view = person.view
    assert view is not None
    wanted = {labels} if isinstance(labels, str) else labels
    (label,) = wanted.intersection(person.list_buttons(view))
    await person.click(view, label)
    return await person.wait_for_view(
        lambda shown: is_form(shown) and seen in f"{shown.private_metadata}{shown.blocks}"
    )


async def go_back(person: SandboxPerson) -> View:
    """Press `Back`, and wait for the step before."""
    assert person.view is not None
    step = 1 if '"step":2' in person.view.private_metadata else 2
    return await press(person, BACK, f'"step":{step}')


async def show_more(person: SandboxPerson) -> View:
    """Press `More settings`, and wait for them."""
    return await press(person, MORE, '"more":true')


async def fill_steps(person: SandboxPerson, values: dict[str, Any]) -> SubmissionResult | None:
    """Fill in fields by label, step by step, up to the last one, which is not submitted.

    Returns:
        The result of a step that was refused, which stays; None at the last step.
    """
    while values.keys() - MORE_LABELS - set(person.list_fields()) and _offers(person, BACK):
        await go_back(person)
    while True:
        assert person.view is not None
        is_last = submit_label(person.view) in SAVE
        if is_last and values.keys() & MORE_LABELS - set(person.list_fields()):
            await show_more(person)
        for label in values.keys() & set(person.list_fields()):
            person.fill(label, values[label])
        if is_last:
            return None
        if (submitted := await person.submit()).errors:
            return submitted


async def submit_steps(person: SandboxPerson, values: dict[str, Any]) -> SubmissionResult:
    """Fill in fields by label, step by step, and save; return the result of the last step that was submitted."""
    return await fill_steps(person, values) or await person.submit()


def _offers(person: SandboxPerson, labels: frozenset[str]) -> bool:
    assert person.view is not None
    return bool(labels.intersection(person.list_buttons(person.view)))
