"""Explanations in a form that could not be saved."""

import re
from zoneinfo import ZoneInfo

import pytest

from flowbot.errors import CommitUnsureError, DatabaseFaultError, DatabaseFullError, SlackFaultError
from flowbot.i18n.translator import Translators
from flowbot.slack.runner import explain_unsaved
from flowbot.slack.views.sentences import format_text


@pytest.mark.parametrize(
    ("error", "key", "said"),
    [
        (DatabaseFaultError(), "form.not_kept", "Nothing was saved"),
        (SlackFaultError("ratelimited"), "form.not_kept", "Nothing was saved"),
        (DatabaseFullError(), "fault.database_full", "flowbot's disk is full"),
        (CommitUnsureError(), "form.unsure", "may or may not"),
        (TimeoutError(), "form.unsure", "may or may not"),
        (RuntimeError("xoxb-secret"), "fault.unexpected", "Something went wrong inside flowbot"),
    ],
)
def test_it_is_said_whether_anything_is_saved(error: Exception, key: str, said: str) -> None:
    t = Translators(fixed="en", zone=ZoneInfo("Europe/Istanbul")).for_reader("en-US")
    problem = explain_unsaved(error, t)
    sentence = format_text(t, problem)
    assert sentence.startswith(t(key))
    assert said in sentence
    assert re.search(r"give the engineer this code: [A-Z2-9]{8}$", sentence)
    assert "xoxb" not in sentence
