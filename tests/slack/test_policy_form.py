"""The setup form: what it shows of any policy, it gives back; and it stays within what Slack takes."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.ids import ChannelId, GroupId, UserId, WebsiteId
from flowbot.domain.policy import ALWAYS_GATED, ApprovalRule, ChannelPolicy, Gate, NotifyMode
from flowbot.domain.text import utf16_length
from flowbot.errors import Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.blocks import add_missing_ids, build_state_values
from flowbot.services.policy_checks import PolicyField, UserGroup
from flowbot.services.policy_setup import PolicyFormData, policy_fingerprint
from flowbot.slack.forms.policy.form import PolicyForm, PolicyFormContent, PolicyFormMetadata
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.views import block_kit
from flowbot.slack.views import policy as views
from tests.slack.form_views import receive_form, receive_view

HERE: Final = ChannelId("C0HERE")
LOCALES: Final = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN: Final = LOCALES.for_reader("en-GB")
HOSTILE: Final = "<!channel> *b* <https://evil.example|x> \u202eesrever \U0001f600 " * 5
GROUPS: Final = {GroupId("S0A"): UserGroup("A team", frozenset()), GroupId("S0B"): UserGroup(HOSTILE, frozenset())}
WEBSITES: Final = {WebsiteId(1): "Shop", WebsiteId(2): HOSTILE, WebsiteId(3): "3"}


def form_data(
    policy: ChannelPolicy | None,
    *,
    websites: Mapping[WebsiteId, str] = WEBSITES,
    groups: Mapping[GroupId, UserGroup] | None = GROUPS,
) -> PolicyFormContent:
    ready = PolicyFormData(policy, websites, groups)
    return PolicyFormContent(
        ready,
        PolicyInput.from_policy(policy, HERE),
        PolicyFormMetadata(channel=HERE, seen=policy_fingerprint(policy)),
    )


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
    outsiders_may_read=st.booleans(),
)
policies = st.builds(
    ChannelPolicy,
    id=st.just(HERE),
    websites=st.just("all") | st.lists(st.sampled_from(sorted(WEBSITES)), unique=True, min_size=1).map(tuple),
    viewers=principals,
    editors=principals,
    approvers=principals,
    approval=rules,
)
languages = st.sampled_from(["en-GB", "tr-TR"]).map(LOCALES.for_reader)


@given(policies, languages)
def test_a_policy_that_nobody_touches_comes_back_as_it_was(policy: ChannelPolicy, t: Translator) -> None:
    view = PolicyForm.build(form_data(policy), t)
    check_view(view, build_demo_workspace(), "modal")
    back = PolicyForm.parse(receive_form(submit_untouched(view)))
    assert back is not None
    assert (back.metadata.channel, back.metadata.seen) == (HERE, policy_fingerprint(policy))
    assert policy_fingerprint(back.typed.to_policy(HERE)) == policy_fingerprint(policy)


def test_a_channel_without_a_policy_begins_with_nobody() -> None:
    back = PolicyForm.parse(receive_form(submit_untouched(PolicyForm.build(form_data(None), EN))))
    assert back is not None
    assert back.typed == PolicyInput(channel=HERE)
    assert back.typed.find_problems().keys() == {PolicyField.WEBSITES, PolicyField.APPROVER_PEOPLE}
    assert ApprovalRule() == back.typed.to_policy(HERE).approval


def test_how_approvers_hear_is_written_only_where_it_is_not_the_default() -> None:
    rules = [PolicyInput(websites=("1",), notify=mode).to_policy(HERE).approval for mode in NotifyMode]
    assert ["notify" in rule.model_fields_set for rule in rules] == [False, True, True]


@pytest.mark.parametrize(
    "policy", [None, ChannelPolicy(id=HERE, websites="all", approval=ApprovalRule(notify=NotifyMode.DIRECT))]
)
def test_a_field_that_the_form_lacks_keeps_what_the_policy_has(policy: ChannelPolicy | None) -> None:
    view = submit_untouched(PolicyForm.build(form_data(policy), EN))
    del view["state"]["values"][PolicyField.NOTIFY]
    back = PolicyForm.parse(receive_form(view))
    assert back is not None
    assert back.typed.fill_missing(policy) == PolicyInput.from_policy(policy, HERE)


@pytest.mark.parametrize("count", [0, 1, 100, 101, 1234])
def test_any_number_of_websites_and_groups_fits(count: int) -> None:
    websites = {WebsiteId(number): f"Site {number}" for number in range(1, count + 1)}
    many = {GroupId(f"S0{number}"): UserGroup(f"Team {number}", frozenset()) for number in range(count)}
    policy = ChannelPolicy(id=HERE, websites=tuple(websites)[-1:], editors=tuple(many)[-1:])
    view = PolicyForm.build(form_data(policy, websites=websites, groups=many), EN)
    check_view(view, build_demo_workspace(), "modal")
    back = PolicyForm.parse(receive_form(submit_untouched(view)))
    assert back is not None
    assert policy_fingerprint(back.typed.to_policy(HERE)) == policy_fingerprint(policy)


def test_a_long_menu_offers_what_matches_what_was_typed() -> None:
    websites = {WebsiteId(number): f"Site {number}" for number in range(1, 301)}
    many = {GroupId(f"S0{number}"): UserGroup(f"İSTANBUL {number}", frozenset()) for number in range(300)}
    ready = PolicyFormData(None, websites, many)
    menus = {
        block["block_id"]: block["element"]["action_id"]
        for block in PolicyForm.build(form_data(None, websites=websites, groups=many), EN)["blocks"]
        if block.get("element", {}).get("type") == "multi_external_select"
    }
    assert menus.keys() == {
        PolicyField.WEBSITES,
        PolicyField.VIEWER_GROUPS,
        PolicyField.EDITOR_GROUPS,
        PolicyField.APPROVER_GROUPS,
    }
    found = PolicyForm.suggest_options(menus[PolicyField.WEBSITES], "site 299", ready, EN)["options"]
    assert [option["value"] for option in found] == ["299"]
    found = PolicyForm.suggest_options(menus[PolicyField.EDITOR_GROUPS], "istanbul 7", ready, EN)["options"]
    assert {option["value"] for option in found} == {"S07", *(f"S0{number}" for number in range(70, 80))}
    assert len(PolicyForm.suggest_options(menus[PolicyField.WEBSITES], "", ready, EN)["options"]) == 100


def test_names_are_plain_text_within_slacks_limits() -> None:
    view = PolicyForm.build(form_data(None), EN)
    menus = [block["element"] for block in view["blocks"] if block.get("element", {}).get("options")]
    texts = [option["text"] for menu in menus for option in menu["options"]]
    assert any("<!channel>" in text["text"] for text in texts)
    assert all(text["type"] == "plain_text" and text["emoji"] is False for text in texts)
    assert all(utf16_length(text["text"]) <= block_kit.LABEL_MAX for text in texts)


def test_a_direct_message_is_no_channel_to_approve_in() -> None:
    here = ChannelId("D0HERE")
    form = PolicyFormContent(
        PolicyFormData(None, WEBSITES, {}),
        PolicyInput.from_policy(None, here),
        PolicyFormMetadata(channel=here, seen=""),
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
    view = submit_untouched(PolicyForm.build(form_data(None), EN))
    for name, typed in ((PolicyField.QUORUM, "\u200b２"), (PolicyField.EXPIRES, " ٢٤\ufeff")):
        (entry,) = view["state"]["values"][name].values()
        entry["value"] = typed
    back = PolicyForm.parse(receive_form(view))
    assert back is not None
    assert (back.typed.quorum, back.typed.expires) == ("2", "24")


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
    ],
)
def test_what_is_no_such_form_is_not_read(view: Any) -> None:
    received = receive_view(view)
    assert received is None or PolicyForm.parse(received) is None


def test_a_group_that_is_no_id_is_left_out() -> None:
    view = submit_untouched(PolicyForm.build(form_data(None), EN))
    values = view["state"]["values"][PolicyField.EDITOR_GROUPS]
    (entry,) = values.values()
    entry["selected_options"] = [{"value": "U0NOGROUP"}, {"value": "S0A"}]
    back = PolicyForm.parse(receive_form(view))
    assert back is not None
    assert back.typed.editors.groups == ("S0A",)


def test_a_problem_at_a_field_that_is_not_there_stands_at_one_that_is() -> None:
    view = PolicyForm.build(form_data(None, websites={}), EN)
    errors = PolicyForm.field_errors({PolicyField.WEBSITES: Text("setup.problem_websites")}, receive_form(view), EN)
    assert errors == {"all_websites": "Choose at least one website, or all."}


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
