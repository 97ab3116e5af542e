"""Input of the policy form, to and from a policy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import TypeAdapter

from flowbot.domain.approval_rule import (
    ALWAYS_GATED,
    MAX_EXPIRY_HOURS,
    MAX_QUORUM,
    ApprovalRule,
    Gate,
    NotifyMode,
)
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId, UserId, WebsiteId, parse_website_id
from flowbot.domain.policy import MAX_WEBSITE_NAME, ChannelPolicy, WebsiteRename
from flowbot.errors import Text
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_fingerprint import approval_channel
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms.policy.freeze_input import FreezeInput, FreezeKind, list_inputs
from flowbot.slack.forms.policy.numbers import find_number_problem
from flowbot.slack.forms.policy.report_input import ReportInput
from flowbot.slack.forms.policy.roles import PolicyRole, StageInput
from flowbot.slack.forms.policy.rule_input import RuleInput

CHOSEN_GATES: Final = (Gate.EDIT_ENABLED, Gate.DISABLE)
"""The changes that may need an approval or not, in the form's order."""
STAGES_MAX: Final = 3
"""The form shows so many stages; those beyond, which only an import makes, stay as they are."""
NAMES_MAX: Final = 50
"""The form shows the names of at most so many websites to edit: a view has room for 100 blocks."""


@dataclass(frozen=True, slots=True)
class PolicyInput:
    """The form's fields. Numbers are as typed.

    Attributes:
        renames: The websites whose names the form shows.
        stages: In place of `approvers`, where there are any.
        rule: What an approval takes beyond its quorum; None where the form is an earlier version's, without that.
        channel: None where none was chosen.
        freezes: The channel's own; None where the form is an earlier version's, without them.
        reports: What flowbot reports by itself; None where the form is an earlier version's, without these fields.
        notify: Empty where the form is an earlier version's, without this field.
    """

    websites: tuple[str, ...] = ()
    all_websites: bool = False
    renames: tuple[WebsiteRename, ...] = ()
    viewers: PolicyRole = field(default_factory=PolicyRole)
    editors: PolicyRole = field(default_factory=PolicyRole)
    approvers: PolicyRole = field(default_factory=PolicyRole)
    stages: tuple[StageInput, ...] = ()
    rule: RuleInput | None = None
    quorum: str = "1"
    gates: frozenset[str] = frozenset({str(Gate.EDIT_ENABLED)})
    self_approval: bool = False
    expires: str = "72"
    channel: ChannelId | None = None
    notify: str = NotifyMode.MENTION
    break_glass: tuple[UserId, ...] = ()
    outsiders_may_read: bool = False
    freezes: tuple[FreezeInput, ...] | None = None
    reports: ReportInput | None = None

    @classmethod
    def from_policy(
        cls, policy: ChannelPolicy | None, channel: ChannelId, freezes: Iterable[Freeze] = ()
    ) -> "PolicyInput":
        """Return the values for a policy and freezes; for a channel without one, everyone may look."""
        if policy is None:
            viewers = PolicyRole(everyone=True)
            own = list_inputs(freezes)
            return cls(viewers=viewers, rule=RuleInput(), channel=channel, freezes=own, reports=ReportInput())
        rule = policy.approval
        return cls(
            websites=() if policy.websites == "all" else tuple(map(str, policy.websites)),
            all_websites=policy.websites == "all",
            viewers=PolicyRole.from_principals(policy.viewers),
            editors=PolicyRole.from_principals(policy.editors),
            approvers=PolicyRole.from_principals(policy.approvers),
            stages=StageInput.list_stages(rule.stages),
            rule=RuleInput.from_rule(rule),
            quorum=str(rule.quorum),
            gates=frozenset(str(gate) for gate in rule.required_for if gate not in ALWAYS_GATED),
            self_approval=rule.self_approval,
            expires=str(rule.expires_after_hours),
            channel=approval_channel(policy),
            notify=rule.notify,
            break_glass=rule.break_glass,
            outsiders_may_read=rule.outsiders_may_read,
            freezes=list_inputs(freezes),
            reports=ReportInput.from_policy(policy),
        )

    def fill_missing(self, policy: ChannelPolicy | None, freezes: Iterable[Freeze] = ()) -> "PolicyInput":
        """Return the values, with the channel's own in the fields that an earlier version's form lacks."""
        rule = policy.approval if policy else ApprovalRule()
        own = list_inputs(freezes) if self.freezes is None else self.freezes
        reports = self.reports or (ReportInput.from_policy(policy) if policy else ReportInput())
        own_rule = self.rule or RuleInput.from_rule(rule)
        return replace(self, rule=own_rule, notify=self.notify or rule.notify, freezes=own, reports=reports)

    def find_problems(self) -> Mapping[PolicyField, Text]:
        """Return the problems by field, as far as they do not depend on people."""
        checks = {
            PolicyField.WEBSITES: (
                not self._websites and not self.all_websites,
                Text("setup.problem_websites"),
            ),
            PolicyField.NAMES: (
                any(len(each.after or "") > MAX_WEBSITE_NAME for each in self.renames),
                Text("setup.problem_name", {"most": MAX_WEBSITE_NAME}),
            ),
            PolicyField.APPROVER_PEOPLE: (
                not self.approvers.principals and not self.stages,
                Text("setup.problem_approvers"),
            ),
        }
        empty = next((number for number, each in enumerate(self.stages, 1) if not each.role.principals), None)
        problems = {name: problem for name, (is_wrong, problem) in checks.items() if is_wrong}
        if empty is not None:
            problems[PolicyField.STAGES] = Text("setup.problem_stage_empty", {"stage": empty})
        numbers = {
            PolicyField.QUORUM: find_number_problem(self.quorum, MAX_QUORUM),
            PolicyField.EXPIRES: find_number_problem(self.expires, MAX_EXPIRY_HOURS),
        }
        problems |= {name: problem for name, problem in numbers.items() if problem is not None}
        for part in (self.rule, self.reports):
            problems |= part.find_problems() if part else {}
        found = (each.find_problem(number) for number, each in enumerate(self.freezes or (), 1))
        frozen = next(filter(None, found), None)
        return problems | ({PolicyField.FREEZES: frozen} if frozen else {})

    def with_valid_numbers(self) -> "PolicyInput":
        """Return the values, with the default for a number that is none."""
        default, wrong = PolicyInput(), self.find_problems()
        return replace(
            self,
            quorum=default.quorum if PolicyField.QUORUM in wrong else self.quorum,
            expires=default.expires if PolicyField.EXPIRES in wrong else self.expires,
            rule=RuleInput() if self.rule and self.rule.find_problems() else self.rule,
            reports=ReportInput() if self.reports and self.reports.find_problems() else self.reports,
        )

    def add_stage(self) -> "PolicyInput":
        """Return the values with one more stage to fill in; the approvers become the first one."""
        stages = self.stages or (StageInput(0, self.approvers),)
        return replace(self, stages=(*stages, StageInput(max(each.key for each in stages) + 1)))

    def remove_stage(self, key: str) -> "PolicyInput":
        """Return the values without a stage; who approves in the only one that is left are the approvers."""
        left = tuple(each for each in self.stages if str(each.key) != key)
        return replace(self, approvers=left[0].role, stages=()) if len(left) == 1 else replace(self, stages=left)

    def add_freeze(self, kind: FreezeKind, name: str) -> "PolicyInput":
        """Return the values with one more freeze to fill in."""
        shown = self.freezes or ()
        key = max((each.key for each in shown), default=-1) + 1
        return replace(self, freezes=(*shown, FreezeInput(key, kind, name)))

    def remove_freeze(self, key: str) -> "PolicyInput":
        """Return the values without a freeze."""
        return replace(self, freezes=tuple(each for each in self.freezes or () if str(each.key) != key))

    def to_freezes(self, channel: ChannelId) -> tuple[Freeze, ...] | None:
        """Return the freezes of `channel`; None where they stay. Only where `find_problems` finds none."""
        return None if self.freezes is None else tuple(each.to_freeze(channel) for each in self.freezes)

    def show_names(self, context: PolicyFormData) -> "PolicyInput":
        """Return the values with the names of the chosen websites to edit, or of all, besides those edited already."""
        shown = {each.website: each for each in self.renames if each.before != each.after}
        chosen = () if self.all_websites else self._websites
        for website in chosen or context.websites:
            name = context.names.get(website)
            shown.setdefault(website, WebsiteRename(website, name, name))
        return replace(self, renames=tuple(shown.values())[:NAMES_MAX])

    def refresh_names(self, names: Mapping[WebsiteId, str]) -> "PolicyInput":
        """Return the values over the websites' names as they are now, which an untouched field takes over."""
        now = ((each, names.get(each.website)) for each in self.renames)
        return replace(
            self,
            renames=tuple(
                WebsiteRename(each.website, name, name if each.before == each.after else each.after)
                for each, name in now
            ),
        )

    def to_policy(self, channel: ChannelId) -> ChannelPolicy:
        """Return the policy of `channel` with these values. Only where `find_problems` finds none."""
        gates = (Gate.ENABLE, Gate.DELETE, *(gate for gate in CHOSEN_GATES if gate in self.gates))
        rule = ApprovalRule(
            required_for=gates,
            quorum=int(self.quorum),
            self_approval=self.self_approval,
            expires_after_hours=int(self.expires),
            break_glass=self.break_glass,
        )
        # Left out where they are the defaults: an older flowbot beside this one cannot read a policy that has them.
        if self.notify in set(NotifyMode) - {NotifyMode.MENTION}:
            rule = rule.model_copy(update={"notify": NotifyMode(self.notify)})
        if self.outsiders_may_read:
            rule = rule.model_copy(update={"outsiders_may_read": True})
        if self.channel not in {None, channel}:
            rule = rule.model_copy(update={"channel": self.channel})
        stages = {"stages": tuple(each.role.principals for each in self.stages)} if self.stages else {}
        rule = rule.model_copy(update={**stages, **(self.rule.list_rules() if self.rule else {})})
        return ChannelPolicy(
            id=channel,
            websites="all" if self.all_websites else self._websites,
            viewers=self.viewers.principals,
            editors=self.editors.principals,
            approvers=() if self.stages else self.approvers.principals,
            approval=rule,
            **(self.reports.list_rules() if self.reports else {}),
        )

    def dump(self) -> dict[str, Any]:
        """Return the values as plain data for a draft."""
        plain: dict[str, Any] = _INPUT.dump_python(self, mode="json")
        return plain

    @classmethod
    def load(cls, plain: Mapping[str, Any]) -> "PolicyInput":
        """Return the values of a draft."""
        return _INPUT.validate_python(plain)

    @property
    def _websites(self) -> tuple[WebsiteId, ...]:
        return tuple(filter(None, map(parse_website_id, self.websites)))


_INPUT: Final = TypeAdapter(PolicyInput)
