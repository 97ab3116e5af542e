"""The steps of the policy form: which fields each has, and what identifies an open form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Final

from pydantic import Field

from flowbot.domain.ids import ChannelId, FormToken, WebsiteId
from flowbot.errors import Text
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.payloads.view_state import PrivateMetadata, ShortText

ROLES: Final = (
    (PolicyField.VIEWERS, PolicyField.VIEWER_PEOPLE, PolicyField.VIEWER_GROUPS),
    (PolicyField.EDITORS, PolicyField.EDITOR_PEOPLE, PolicyField.EDITOR_GROUPS),
    (PolicyField.APPROVERS, PolicyField.APPROVER_PEOPLE, PolicyField.APPROVER_GROUPS),
)
STAGE: Final = (PolicyField.STAGE_EVERYONE, PolicyField.STAGE_PEOPLE, PolicyField.STAGE_GROUPS)
"""The fields of each role, and of each stage: everyone, people, user groups."""


class Step(IntEnum):
    """The steps. WHOLE is the form of an earlier version, which asked for all at once."""

    WHOLE = 0
    WEBSITES = 1
    PEOPLE = 2
    APPROVALS = 3


STEP_FIELDS: Final[Mapping[Step, frozenset[PolicyField]]] = {
    Step.WEBSITES: frozenset({PolicyField.WEBSITES, PolicyField.ALL_WEBSITES, PolicyField.NAMES}),
    Step.PEOPLE: frozenset(field for fields in (*ROLES, STAGE) for field in fields) | {PolicyField.STAGES},
}
"""The fields of each step but the last, which has all others."""


class PolicyFormMetadata(PrivateMetadata):
    """The form's identity.

    Attributes:
        seen: The fingerprint of the policy that it shows.
        token: The draft with what was chosen in all steps; None for the form of an earlier version.
        more: Whether the last step shows every setting.
        turn: How often all fields were filled anew: Slack keeps what was chosen in a field whose id stays.
    """

    channel: ChannelId
    seen: Annotated[str, Field(max_length=64)]
    locale: ShortText | None = None
    timezone: ShortText | None = None
    token: Annotated[FormToken, Field(max_length=64)] | None = None
    step: Step = Step.WHOLE
    more: bool = False
    turn: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class PolicyFormContent:
    """The contents of a form: the choices, the values, its identity.

    Attributes:
        problem: Why it is shown again.
        problems: What is wrong, by field.
    """

    context: PolicyFormData
    typed: PolicyInput
    metadata: PolicyFormMetadata
    problem: Text | None = None
    problems: Mapping[PolicyField, Text] = field(default_factory=dict)


def step_of(problem: PolicyField) -> Step:
    """Return the step that has a field."""
    return next((step for step, fields in STEP_FIELDS.items() if problem in fields), Step.APPROVALS)


def block_id(name: PolicyField, metadata: PolicyFormMetadata) -> str:
    """Return the block id of a field."""
    return f"{name}~{metadata.turn}" if metadata.turn else str(name)


def stage_block_id(name: PolicyField, key: int, metadata: PolicyFormMetadata) -> str:
    """Return the block id of a stage's field."""
    return block_id(name, metadata).replace(name, f"{name}.{key}", 1)


def name_block_id(website: WebsiteId) -> str:
    """Return the block id of a website's name."""
    return f"{PolicyField.NAMES}.{website}"


def freeze_block_id(name: PolicyField, key: int) -> str:
    """Return the block id of a freeze's field."""
    return f"{name}.{key}"


def field_of(block: str) -> str:
    """Return the field that a block id stands for; text that is no field's where it stands for none."""
    return block.partition("~")[0].partition(".")[0]
