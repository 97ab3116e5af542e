"""The setup form: what it shows of any policy, it gives back; and it stays within what Slack takes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.approval_rule import ALWAYS_GATED, ApprovalRule, Gate, NotifyMode
from flowbot.domain.ids import ChannelId, FormToken, GroupId, UserId, WebsiteId
from flowbot.domain.policy import BreakerRule, ChannelPolicy, DigestRule, WatchRule, WatchTell, WebsiteRename
from flowbot.domain.text import remove_invisible, utf16_length
from flowbot.errors import Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import build_demo_workspace, text_of
from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.blocks import add_missing_ids, build_state_values
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_fingerprint import policy_fingerprint
from flowbot.services.policy_setup import PolicyFormData
from flowbot.services.ports.slack import UserGroup
from flowbot.slack.forms.policy.form import PolicyForm
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.forms.policy.report_input import ReportInput
from flowbot.slack.forms.policy.roles import PolicyRole
from flowbot.slack.forms.policy.rule_input import RuleInput, read_quorum_over
from flowbot.slack.forms.policy.steps import PolicyFormContent, PolicyFormMetadata, Step
from flowbot.slack.views import block_kit
from flowbot.slack.views import policy as views
from flowbot.slack.views.block_kit import View
from tests.slack.form_views import receive_form, receive_view

HERE: Final = ChannelId("C0HERE")
LOCALES: Final = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN: Final = LOCALES.for_reader("en-GB")
STEPS: Final = (Step.WEBSITES, Step.PEOPLE, Step.APPROVALS)
BLANK: Final = PolicyInput(notify="")
HOSTILE: Final = "<!channel> *b* <https://evil.example|x> \u202eesrever \U0001f600 " * 5
GROUPS: Final = {GroupId("S0A"): UserGroup("A team", frozenset()), GroupId("S0B"): UserGroup(HOSTILE, frozenset())}
WEBSITES: Final = {WebsiteId(1): "Shop", WebsiteId(2): HOSTILE, WebsiteId(3): "3"}


def form_data(
    policy: ChannelPolicy | None,
    *,
    websites: Mapping[WebsiteId, str] = WEBSITES,
    groups: Mapping[GroupId, UserGroup] | None = GROUPS,
    step: Step = Step.WEBSITES,
) -> PolicyFormContent:
    ready = PolicyFormData(policy, websites, groups)
    return PolicyFormContent(
        ready,
        PolicyInput.from_policy(policy, HERE),
        PolicyFormMetadata(
            channel=HERE, seen=policy_fingerprint(policy), token=FormToken("form"), step=step, more=True
        ),
    )


def build_steps(content: PolicyFormContent, t: Translator = EN) -> list[View]:
    """Return the three steps as Slack sends them when nothing was touched."""
    views = []
    for step in STEPS:
        metadata = content.metadata.model_copy(update={"step": step})
        view = PolicyForm.build(replace(content, metadata=metadata), t)
        check_view(view, build_demo_workspace(), "modal")
        views.append(submit_untouched(view))
    return views


def build_whole(content: PolicyFormContent) -> View:
    """Return the form as an earlier version made it: all fields at once."""
    steps = build_steps(content)
    metadata = content.metadata.model_copy(update={"token": None, "step": Step.WHOLE, "more": False})
    values = {block: value for view in steps for block, value in view["state"]["values"].items()}
    return steps[0] | {
        "callback_id": "flows.setup",
        "private_metadata": metadata.dump(),
        "blocks": [block for view in steps for block in view["blocks"] if block["type"] == "input"],
        "state": {"values": values},
    }


def read_form(view: View, base: PolicyInput = BLANK) -> PolicyInput:
    back = PolicyForm.parse(receive_form(view))
    assert back is not None
    return back.read(base)


def read_steps(content: PolicyFormContent, t: Translator = EN) -> PolicyInput:
    """Submit the three steps untouched, and return what they say."""
    typed = replace(BLANK, stages=content.typed.stages)
    for view in build_steps(content, t):
        typed = read_form(view, typed)
    return typed


def submit_untouched(view: dict[str, Any]) -> dict[str, Any]:
    """Return the view as Slack sends it when nothing was touched."""
    blocks = add_missing_ids(view["blocks"]) or []
    return view | {"blocks": blocks, "state": {"values": build_state_values(blocks, {})}}


people = st.lists(st.sampled_from([UserId(f"U{number}0") for number in range(9)]), unique=True, max_size=5)
groups = st.lists(st.sampled_from([*GROUPS, GroupId("S0GONE")]), unique=True)
principals = st.builds(
    lambda all_, users, teams: (*(["*"] if all_ else []), *users, *sorted(teams)), st.booleans(), people, groups
)
rules = st.builds(
    ApprovalRule,
    required_for=st.sets(st.sampled_from(sorted(set(Gate) - ALWAYS_GATED))).map(lambda some: (*ALWAYS_GATED, *some)),
    quorum=st.integers(1, 100),
    self_approval=st.booleans(),
    expires_after_hours=st.integers(1, 8760),
    channel=st.none() | st.just(HERE) | st.just(ChannelId("C0OTHER")),
    break_glass=people.map(tuple),
    notify=st.sampled_from(NotifyMode),
    escalate_after_hours=st.none() | st.integers(1, 8760),
    escalate_to=principals,
    quorum_over=st.dictionaries(st.integers(1, 999_999_999), st.integers(1, 100), max_size=5),
    stand_ins=st.booleans(),
    reason_required=st.booleans(),
    outsiders_may_read=st.booleans(),
)
unstaged = st.builds(
    ChannelPolicy,
    id=st.just(HERE),
    websites=st.just("all") | st.lists(st.sampled_from(sorted(WEBSITES)), unique=True, min_size=1).map(tuple),
    viewers=principals,
    editors=principals,
    approvers=principals,
    approval=rules,
    language=st.sampled_from([None, "en", "tr"]),
    watch=st.builds(WatchRule, tell=st.sampled_from(WatchTell)),
    breaker=st.none() | st.builds(BreakerRule, min_sent=st.integers(1, 10**6), max_close_rate=st.floats(0, 1)),
    digest=st.none() | st.builds(DigestRule, at=st.sampled_from(["mon 09:00", "wed 18:30", "sun 00:00"])),
)
policies = unstaged | st.builds(
    lambda policy, stages: policy.model_copy(
        update={"approvers": (), "approval": policy.approval.model_copy(update={"stages": stages})}
    ),
    unstaged,
    st.lists(principals.filter(bool), min_size=1, max_size=5).map(tuple),
)
languages = st.sampled_from(["en-GB", "tr-TR"]).map(LOCALES.for_reader)


@given(policies, languages)
def test_a_policy_that_nobody_touches_comes_back_as_it_was(policy: ChannelPolicy, t: Translator) -> None:
    content = form_data(policy)
    back = read_steps(content, t)
    assert policy_fingerprint(back.to_policy(HERE)) == policy_fingerprint(policy)
    if not policy.approval.stages:
        assert read_form(build_whole(content), BLANK) == back
    assert PolicyInput.load(json.loads(json.dumps(back.dump()))) == back
    # What a step does not show stays as it was.
    hidden = replace(content, metadata=content.metadata.model_copy(update={"step": Step.APPROVALS, "more": False}))
    assert read_form(submit_untouched(PolicyForm.build(hidden, t)), back) == back


def test_a_channel_without_a_policy_begins_with_everyone_as_a_viewer() -> None:
    back = read_steps(form_data(None))
    viewers = PolicyRole(everyone=True)
    assert back == PolicyInput(viewers=viewers, rule=RuleInput(), channel=HERE, reports=ReportInput())
    assert back.find_problems().keys() == {PolicyField.WEBSITES, PolicyField.APPROVER_PEOPLE}
    assert ApprovalRule() == back.to_policy(HERE).approval


def test_how_approvers_hear_is_written_only_where_it_is_not_the_default() -> None:
    rules = [PolicyInput(websites=("1",), notify=mode).to_policy(HERE).approval for mode in NotifyMode]
    assert ["notify" in rule.model_fields_set for rule in rules] == [False, True, True]


@pytest.mark.parametrize(
    "policy", [None, ChannelPolicy(id=HERE, websites="all", approval=ApprovalRule(notify=NotifyMode.DIRECT))]
)
def test_a_field_that_the_form_lacks_keeps_what_the_policy_has(policy: ChannelPolicy | None) -> None:
    view = build_whole(form_data(policy))
    del view["state"]["values"][PolicyField.NOTIFY]
    assert read_form(view).fill_missing(policy) == PolicyInput.from_policy(policy, HERE)


def test_what_an_approval_takes_is_written_only_where_it_is_not_the_default() -> None:
    rule = PolicyInput(websites=("1",), rule=RuleInput()).to_policy(HERE).approval
    names = {"stages", "quorum_over", "stand_ins", "reason_required", "escalate_after_hours", "escalate_to"}
    assert not names & rule.model_fields_set


def test_fields_of_an_approval_that_the_form_lacks_keep_what_the_policy_has() -> None:
    rule = ApprovalRule(quorum_over={10000: 2}, stand_ins=False, escalate_after_hours=24, escalate_to=("*",))
    policy = ChannelPolicy(id=HERE, websites="all", approvers=(UserId("U10"),), approval=rule)
    typed = PolicyInput.from_policy(policy, HERE)
    assert replace(typed, rule=None).fill_missing(policy) == typed


def test_stages_that_the_form_does_not_show_stay() -> None:
    stages = tuple((UserId(f"U{number}"),) for number in range(10, 15))
    policy = ChannelPolicy(id=HERE, websites="all", approval=ApprovalRule(stages=stages))
    content = form_data(policy)
    view = build_steps(content)[1]
    texts = str(view["blocks"])
    assert "Stage 3: people" in texts
    assert "Stage 4: people" not in texts
    assert "Stages from 4 on were imported, and stay as they are." in texts
    assert read_steps(content).to_policy(HERE).approval.stages == stages


def test_the_approvers_become_the_first_stage_and_are_the_approvers_again_without_another() -> None:
    first, second = PolicyRole(people=(UserId("U10"),)), PolicyRole(groups=(GroupId("S0A"),))
    staged = PolicyInput(approvers=first).add_stage()
    assert [each.role for each in staged.stages] == [first, PolicyRole()]
    assert staged.find_problems()[PolicyField.STAGES] == Text("setup.problem_stage_empty", {"stage": 2})
    filled = replace(staged, stages=(staged.stages[0], replace(staged.stages[1], role=second)))
    assert PolicyField.STAGES not in filled.find_problems()
    assert filled.remove_stage(str(staged.stages[1].key)).approvers == first
    left = filled.remove_stage(str(staged.stages[0].key))
    assert (left.approvers, left.stages) == (second, ())
    # Slack keeps what was chosen in a field whose id stays: a new stage has fields of its own.
    keys = [each.key for each in filled.add_stage().remove_stage("1").add_stage().stages]
    assert len(set(keys)) == 3


def test_a_rule_of_one_stage_stays_one() -> None:
    policy = ChannelPolicy(id=HERE, websites="all", approval=ApprovalRule(stages=(("*",),)))
    assert read_steps(form_data(policy)).to_policy(HERE).approval.stages == (("*",),)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", {}),
        ("10000 = 2", {10000: 2}),
        ("10.000 = 2\n\n 50 000: 3 ", {10000: 2, 50000: 3}),
        ("1,000,000=4", {1_000_000: 4}),
        ("١٠٠ = ٢", {100: 2}),
        ("10000", None),
        ("10000 = 0", None),
        ("0 = 2", None),
        ("10000 = 101", None),
        ("10000 = 2\n10.000 = 3", None),
        ("1.00 = 2", None),
        ("many = 2", None),
        ("10000 = 2 50000 = 3", None),
    ],
)
def test_quorums_by_audience_are_read_a_line_each(typed: str, read: dict[int, int] | None) -> None:
    assert read_quorum_over(typed) == read
    assert (PolicyField.QUORUM_OVER in PolicyInput(rule=RuleInput(quorum_over=typed)).find_problems()) == (read is None)


@pytest.mark.parametrize("typed", ["0", "x", "8761", "1.5"])
def test_an_escalation_comes_after_whole_hours(typed: str) -> None:
    assert PolicyField.ESCALATE_AFTER in PolicyInput(rule=RuleInput(escalate_after=typed)).find_problems()


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en-GB",
            [
                "Approvers: Burak → removed",
                "Stages: 1: Burak · 2: Everyone in this channel and Leads (user group)",
                "Quorum for large audiences: 2 approvals for 10,000 subscribers or more",
                "Stand-ins: Yes → No",
                "Reason required: No → Yes",
                "Escalate after (hours): 24",
                "Escalate to: Burak",
            ],
        ),
        (
            "tr-TR",
            [
                "Onaylayanlar: Burak → kaldırıldı",
                "Aşamalar: 1: Burak · 2: Bu kanaldaki herkes ve Leads (kullanıcı grubu)",
                "Büyük kitleler için onay sayısı: 10.000 aboneden itibaren 2 onay",
                "Vekiller: Evet → Hayır",
                "Gerekçe zorunlu: Hayır → Evet",
                "Üst onaya çıkma (saat): 24",
                "Üst onay: Burak",
            ],
        ),
    ],
)
def test_the_channel_reads_what_an_approval_takes_now(language: str, told: list[str]) -> None:
    burak, leads = UserId("U0BURAK"), GroupId("S0LEADS")
    before = ChannelPolicy(id=HERE, websites="all", approvers=(burak,))
    rule = ApprovalRule(
        stages=((burak,), ("*", leads)),
        quorum_over={10000: 2},
        stand_ins=False,
        reason_required=True,
        escalate_after_hours=24,
        escalate_to=(burak,),
    )
    after = ChannelPolicy(id=HERE, websites="all", approval=rule)
    names, t = views.Names({}, {leads: "Leads"}, {burak: "Burak"}), LOCALES.for_reader(language)
    message = views.policy_changed_message(UserId("U0DENIZ"), before, after, names, t)
    assert remove_invisible(text_of(list(message.blocks))).splitlines()[1:] == told
    # Of a first policy what is as in every other is left out.
    first = views.policy_changed_message(UserId("U0DENIZ"), None, before, names, t)
    assert not {line.partition(":")[0] for line in told[1:]} & {
        line.partition(":")[0] for line in text_of(list(first.blocks)).splitlines()
    }


@pytest.mark.parametrize("count", [0, 1, 100, 101, 1234])
def test_any_number_of_websites_and_groups_fits(count: int) -> None:
    websites = {WebsiteId(number): f"Site {number}" for number in range(1, count + 1)}
    many = {GroupId(f"S0{number}"): UserGroup(f"Team {number}", frozenset()) for number in range(count)}
    policy = ChannelPolicy(id=HERE, websites=tuple(websites)[-1:], editors=tuple(many)[-1:])
    back = read_steps(form_data(policy, websites=websites, groups=many))
    assert policy_fingerprint(back.to_policy(HERE)) == policy_fingerprint(policy)


def test_a_long_menu_offers_what_matches_what_was_typed() -> None:
    websites = {WebsiteId(number): f"Site {number}" for number in range(1, 301)}
    many = {GroupId(f"S0{number}"): UserGroup(f"İSTANBUL {number}", frozenset()) for number in range(300)}
    ready = PolicyFormData(None, websites, many)
    menus = {
        block["block_id"]: block["element"]["action_id"]
        for view in build_steps(form_data(None, websites=websites, groups=many))
        for block in view["blocks"]
        if block.get("element", {}).get("type") == "multi_external_select"
    }
    assert menus.keys() == {
        PolicyField.WEBSITES,
        PolicyField.VIEWER_GROUPS,
        PolicyField.EDITOR_GROUPS,
        PolicyField.APPROVER_GROUPS,
        PolicyField.ESCALATE_GROUPS,
    }
    found = PolicyForm.suggest_options(menus[PolicyField.WEBSITES], "site 299", ready, EN)["options"]
    assert [option["value"] for option in found] == ["299"]
    found = PolicyForm.suggest_options(menus[PolicyField.EDITOR_GROUPS], "istanbul 7", ready, EN)["options"]
    assert {option["value"] for option in found} == {"S07", *(f"S0{number}" for number in range(70, 80))}
    assert len(PolicyForm.suggest_options(menus[PolicyField.WEBSITES], "", ready, EN)["options"]) == 100


def test_names_are_plain_text_within_slacks_limits() -> None:
    blocks = [block for view in build_steps(form_data(None)) for block in view["blocks"]]
    menus = [block["element"] for block in blocks if block.get("element", {}).get("options")]
    texts = [option["text"] for menu in menus for option in menu["options"]]
    assert any("<!channel>" in text["text"] for text in texts)
    assert all(text["type"] == "plain_text" and text["emoji"] is False for text in texts)
    assert all(utf16_length(text["text"]) <= block_kit.LABEL_MAX for text in texts)


def test_a_direct_message_is_no_channel_to_approve_in() -> None:
    here = ChannelId("D0HERE")
    form = PolicyFormContent(
        PolicyFormData(None, WEBSITES, {}),
        PolicyInput.from_policy(None, here),
        PolicyFormMetadata(channel=here, seen="", token=FormToken("form"), step=Step.APPROVALS),
    )
    view = PolicyForm.build(form, EN)
    (menu,) = [block["element"] for block in view["blocks"] if block.get("block_id") == PolicyField.CHANNEL]
    assert "initial_conversation" not in menu
    assert menu["filter"] == {"include": ["public", "private"]}


@pytest.mark.parametrize("typed", ["", "0", "101", "1.5", "-1", "x", "²", "1e2"])
def test_a_quorum_is_a_whole_number_up_to_a_hundred(typed: str) -> None:
    assert PolicyInput(quorum=typed).find_problems()[PolicyField.QUORUM] == Text("setup.problem_number", {"most": 100})
    assert PolicyField.QUORUM not in PolicyInput(quorum="100").find_problems()


def test_numbers_are_read_in_the_digits_of_any_script() -> None:
    view = submit_untouched(PolicyForm.build(form_data(None, step=Step.APPROVALS), EN))
    for name, typed in ((PolicyField.QUORUM, "\u200b２"), (PolicyField.EXPIRES, " ٢٤\ufeff")):
        (entry,) = view["state"]["values"][name].values()
        entry["value"] = typed
    back = read_form(view)
    assert (back.quorum, back.expires) == ("2", "24")


@pytest.mark.parametrize("typed", ["", "0", "8761"])
def test_an_expiry_is_at_most_a_year(typed: str) -> None:
    assert PolicyField.EXPIRES in PolicyInput(expires=typed).find_problems()
    assert PolicyField.EXPIRES not in PolicyInput(expires="8760").find_problems()


@pytest.mark.parametrize("website", ["", "0", "-1", "x", "9" * 19, "1 "])
def test_what_is_no_website_is_none(website: str) -> None:
    assert PolicyField.WEBSITES in PolicyInput(websites=(website,)).find_problems()


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(None, id="nothing"),
        pytest.param({}, id="an empty view"),
        pytest.param({"callback_id": "flows.form", "private_metadata": "{}"}, id="another form"),
        pytest.param({"callback_id": "flows.setup", "private_metadata": "not json"}, id="metadata that is none"),
        pytest.param({"callback_id": "flows.setup", "private_metadata": '{"channel":"x"}'}, id="no channel"),
        pytest.param(
            {"callback_id": "flows.setup", "private_metadata": '{"channel":"C0HERE","seen":"","step":2}'},
            id="a step without its draft",
        ),
    ],
)
def test_what_is_no_such_form_is_not_read(view: Any) -> None:
    received = receive_view(view)
    assert received is None or PolicyForm.parse(received) is None


def test_a_group_that_is_no_id_is_left_out() -> None:
    view = submit_untouched(PolicyForm.build(form_data(None, step=Step.PEOPLE), EN))
    values = view["state"]["values"][PolicyField.EDITOR_GROUPS]
    (entry,) = values.values()
    entry["selected_options"] = [{"value": "U0NOGROUP"}, {"value": "S0A"}]
    assert read_form(view).editors.groups == ("S0A",)


def test_a_problem_at_a_field_that_is_not_there_stands_at_one_that_is() -> None:
    form = PolicyForm.parse(receive_form(PolicyForm.build(form_data(None, websites={}), EN)))
    assert form is not None
    errors = form.field_errors({PolicyField.WEBSITES: Text("setup.problem_websites")}, EN)
    assert errors == {"all_websites": "Choose at least one website, or all."}
    assert form.field_errors({PolicyField.QUORUM: Text("setup.problem_websites")}, EN) is None


def test_names_are_read_on_one_line_and_at_most_as_long_as_a_menu_takes() -> None:
    ready = PolicyFormData(None, WEBSITES, {}, names={WebsiteId(1): "Shop"})
    typed = PolicyInput(websites=("1", "3")).show_names(ready)
    assert typed.renames == (WebsiteRename(WebsiteId(1), "Shop", "Shop"), WebsiteRename(WebsiteId(3), None, None))
    view = submit_untouched(PolicyForm.build(replace(form_data(None), context=ready, typed=typed), EN))
    values = view["state"]["values"]
    for website, text in (("1", " Shop\n\u200bTR "), ("3", "x" * 76)):
        (entry,) = values[f"names.{website}"].values()
        entry["value"] = text
    back = PolicyForm.parse(receive_form(view))
    assert back is not None
    read = back.read(typed)
    assert [each.after for each in read.renames] == ["Shop TR", "x" * 76]
    problem = read.find_problems()[PolicyField.NAMES]
    assert back.field_errors({PolicyField.NAMES: problem}, EN) == {"names.1": "A name has at most 75 characters."}


@pytest.mark.parametrize("name", ["Shop", "❤️ Shop", "Shop  TR", "L\u200bale", None])
def test_a_form_that_nobody_touched_renames_no_website(name: str | None) -> None:
    names = {} if name is None else {WebsiteId(1): name}
    ready = PolicyFormData(None, WEBSITES, {}, names=names)
    typed = PolicyInput(websites=("1",)).show_names(ready)
    view = submit_untouched(PolicyForm.build(replace(form_data(None), context=ready, typed=typed), EN))
    back = PolicyForm.parse(receive_form(view))
    assert back is not None
    assert back.read(typed).renames == (WebsiteRename(WebsiteId(1), name, name),)


def test_a_name_that_nobody_touched_is_not_changed_back() -> None:
    names = {WebsiteId(1): "Shop", WebsiteId(2): "Blog"}
    typed = PolicyInput(renames=(WebsiteRename(WebsiteId(1), "S", "S"), WebsiteRename(WebsiteId(2), "B", "News")))
    assert typed.refresh_names(names).renames == (
        WebsiteRename(WebsiteId(1), "Shop", "Shop"),
        WebsiteRename(WebsiteId(2), "Blog", "News"),
    )


def test_fields_that_are_filled_anew_have_new_ids() -> None:
    content = form_data(None)
    again = replace(content, metadata=content.metadata.model_copy(update={"turn": 1}))
    ids = [
        {block["block_id"] for view in build_steps(each) for block in view["blocks"] if block["type"] == "input"}
        for each in (content, again)
    ]
    assert not ids[0] & ids[1]
    assert read_steps(again) == read_steps(content)


def test_what_differs_is_told_by_id_and_not_by_name() -> None:
    before = ChannelPolicy(id=HERE, websites=(WebsiteId(1),), editors=(GroupId("S0A"),))
    after = before.model_copy(update={"editors": (GroupId("S0B"),)})
    same = views.Names({}, {GroupId("S0A"): "Team", GroupId("S0B"): "Team"}, {})
    assert views.list_changed_fields(before, after, EN) == ["Editors"]
    message = views.policy_changed_message(UserId("U0DENIZ"), before, after, same, EN)
    assert len(message.blocks[0]["elements"][1]["elements"]) == 1


def test_long_lists_are_cut_and_say_so() -> None:
    crowd = tuple(UserId(f"U{number}") for number in range(10, 60))
    policy = ChannelPolicy(id=HERE, websites="all", viewers=crowd)
    message = views.policy_changed_message(UserId("U0DENIZ"), None, policy, views.Names({}, {}, {}), EN)
    assert "20 more" in str(message.blocks)
    assert "U59" not in str(message.blocks)
