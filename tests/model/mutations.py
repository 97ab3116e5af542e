"""Mutations that break the invariants of approvals, each patched into the running program.

Some are old bugs, others leave out a check. Where two checks guard the same thing, the mutation leaves out both.
"""

from typing import Final

from tests.model import (
    approval_mutations,
    message_mutations,
    outcome_mutations,
    stop_mutations,
    team_mutations,
    time_mutations,
    watch_mutations,
)
from tests.model.mutation_registry import Mutations

MUTATIONS: Final = Mutations(
    approval_mutations.MUTATIONS
    | outcome_mutations.MUTATIONS
    | message_mutations.MUTATIONS
    | time_mutations.MUTATIONS
    | stop_mutations.MUTATIONS
    | watch_mutations.MUTATIONS
    | team_mutations.MUTATIONS
)
GUARDS: Final[dict[str, str]] = {
    "the_audience_is_not_read_again_before_the_start": (
        "tests/journeys/test_audience.py"
        "::test_growth_before_a_scheduled_start_takes_the_request_back_and_keeps_its_votes"
    ),
    "a_stand_in_decides_on_a_request_of_either_of_the_two": (
        "tests/journeys/test_stand_ins.py::test_never_on_a_request_of_who_is_away"
    ),
    "votes_count_while_the_requester_edits_the_flow": (
        "tests/storage/test_revisions.py::test_no_vote_counts_while_the_flow_is_being_written[sqlite]"
    ),
    "a_late_effect_is_told_as_done_outside": (
        "tests/services/test_watch_own.py"
        "::test_what_flowbot_sent_is_its_own_and_all_else_is_told[not known before it was disabled]"
    ),
    "a_stop_disables_each_flow_whenever_it_goes_on": (
        "tests/journeys/test_stop.py::test_what_a_process_left_is_done_once_by_whichever_goes_on[postgresql]"
    ),
    "a_stop_is_left_where_its_process_died": (
        "tests/journeys/test_stop.py::test_what_a_process_left_is_done_once_by_whichever_goes_on[sqlite]"
    ),
    "what_flowbot_wrote_meanwhile_is_told": (
        "tests/storage/test_observed_flows.py"
        "::test_a_finding_does_not_hold_once_flowbot_has_written_to_its_flow[sqlite]"
    ),
    "lateness_is_counted_from_the_asked_time": (
        "tests/journeys/test_freeze_holds.py"
        "::test_a_freeze_that_is_added_puts_off_the_expiry_of_what_waits_for_approval"
    ),
    "a_freeze_that_is_taken_away_goes_on": (
        "tests/domain/test_schedule.py"
        "::test_a_change_starts_at_its_time_or_at_the_end_of_the_freeze_that_holds_it[1.5-8-1-1.5]"
    ),
    "an_end_is_planned_after_its_enable_was_settled": (
        "tests/storage/test_timed_changes.py::test_a_disable_or_delete_ends_what_has_nothing_left_to_do[sqlite-disable]"
    ),
    "the_fingerprint_lacks_the_description": (
        "tests/journeys/test_outcomes.py::test_a_flow_that_was_changed_since_is_left_alone[description]"
    ),
    "strangers_decide": "tests/journeys/test_votes.py::test_people_of_another_company_decide_nothing",
    "a_flow_that_is_gone_after_silence_is_called_out_of_date": (
        "tests/domain/test_outcomes.py::test_a_yes_counts_for_something_and_what_is_there_for_more"
    ),
    "a_flow_is_restored_each_time_it_is_asked_for": (
        "tests/journeys/test_delete_restore.py::test_restored_by_two_at_once_and_twice_it_is_one_flow[sqlite]"
    ),
    "the_version_is_not_compared": (
        "tests/storage/test_changes.py::test_who_saw_an_older_version_is_shown_the_new_one_and_writes_nothing[sqlite]"
    ),
    "a_lease_is_taken_over_that_was_renewed_since": (
        "tests/storage/test_concurrent_changes.py"
        "::test_a_lease_that_was_renewed_or_given_up_since_it_was_seen_is_not_taken_over[sqlite]"
    ),
    "a_lease_that_is_renewed_runs_out": "tests/services/test_lease.py::test_a_lease_that_is_renewed_never_runs_out",
    "a_jump_of_the_clock_is_believed_at_once": (
        "tests/services/test_clock.py::test_a_jump_is_doubted_and_the_old_time_goes_on"
    ),
    "a_success_is_taken_for_a_proof": (
        "tests/journeys/test_delete_restore.py::test_a_delete_whose_effect_is_not_seen_is_not_known"
    ),
    "a_refusal_after_silence_is_called_failed": (
        "tests/services/test_executor.py::test_a_refusal_after_silence_proves_nothing[sqlite]"
    ),
    "a_flow_that_changed_after_silence_is_called_out_of_date": (
        "tests/services/test_executor.py"
        "::test_a_flow_that_somebody_changed_after_silence_is_not_called_out_of_date[sqlite]"
    ),
    "late_edits_are_not_named": (
        "tests/services/test_unsettled_changes.py::test_a_request_names_all_that_earlier_edits_may_change_yet[sqlite]"
    ),
    "a_disable_is_repeated_again_and_again": (
        "tests/services/test_unsettled_changes.py"
        "::test_the_last_disable_after_an_enable_is_repeated_and_no_repetition[sqlite]"
    ),
    "late_effects_make_a_request_out_of_date": (
        "tests/services/test_unsettled_changes.py"
        "::test_a_late_effect_of_an_earlier_edit_stands_against_no_enable[sqlite]"
    ),
    "what_leaves_no_trace_is_taken_for_done": (
        "tests/services/test_executor.py"
        "::test_what_leaves_no_trace_is_not_sent_twice_where_the_flow_was_touched_since[sqlite]"
    ),
}
"""Mutations that the model seldom finds in a short run, and the ordinary test that must fail on each."""
