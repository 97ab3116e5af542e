"""The freezes of the set-up form: as people type them, and back."""

from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.freezes import WEEKDAYS, Freeze
from flowbot.domain.ids import ChannelId
from flowbot.i18n.translator import Translator, Translators
from flowbot.slack.forms.policy.freeze_input import FreezeInput, FreezeKind, list_inputs, read_weekly
from flowbot.slack.views.freezes import format_freeze, format_hours

HERE: Final = ChannelId("C0HERE")
LOCALES: Final = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN: Final = LOCALES.for_reader("en-GB")
TR: Final = LOCALES.for_reader("tr-TR")


def own(**rules: Any) -> Freeze:
    return Freeze.model_validate({"name": "Rest", "channels": [HERE], **rules})


@pytest.mark.parametrize(
    ("typed", "weekly"),
    [
        ("Fri 17:00-24:00, Sat, Sun", ["fri 17:00-24:00", "sat", "sun"]),
        ("friday 17-24; SATURDAY\nsun.", ["fri 17:00-24:00", "sat", "sun"]),
        ("Cum 17.00–24.00, Cmt, Paz", ["fri 17:00-24:00", "sat", "sun"]),
        ("cuma 9-18", ["fri 09:00-18:00"]),
        ("Çarşamba, car", ["wed", "wed"]),
        ("Mon-Wed 18:00 - 24:00", ["mon 18:00-24:00", "tue 18:00-24:00", "wed 18:00-24:00"]),
        ("Cmt–Pzt", ["sat", "sun", "mon"]),
        ("Sun 22:00-06:00", ["sun 22:00-06:00"]),
        ("", None),
        (" , ", None),
        ("every Friday", None),
        ("Fri 5pm-midnight", None),
        ("Fri 17:00", None),
        ("17:00-24:00", None),
    ],
)
def test_days_and_hours_as_people_type_them(typed: str, weekly: list[str] | None) -> None:
    assert read_weekly(typed) == weekly


CLOCKS: Final = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 5, 30, 59]))
HOURS: Final = st.sampled_from(WEEKDAYS) | st.builds("{} {}-{}".format, st.sampled_from(WEEKDAYS), CLOCKS, CLOCKS)


@given(st.lists(HOURS, min_size=1, max_size=9), st.sampled_from([EN, TR]))
def test_hours_that_are_shown_are_read_as_they_were(weekly: list[str], t: Translator) -> None:
    assert read_weekly(format_hours(weekly, t)) == weekly


@pytest.mark.parametrize(
    "freeze",
    [
        own(weekly=["fri 17:00-24:00", "sat"]),
        own(**{"from": date(2026, 12, 30), "to": date(2027, 1, 2)}),
        own(holidays="TR", half_day_from="13:00"),
        own(holidays="DE-BY"),
    ],
)
def test_a_freeze_that_nobody_touches_comes_back_as_it_was(freeze: Freeze) -> None:
    (typed,) = list_inputs([freeze])
    assert typed.find_problem(1) is None
    assert typed.to_freeze(HERE) == freeze


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"kind": FreezeKind.WEEKLY, "name": " ", "hours": "sat"}, "setup.problem_freeze_name"),
        ({"kind": FreezeKind.WEEKLY, "hours": "at night"}, "setup.problem_freeze_hours"),
        ({"kind": FreezeKind.WEEKLY, "hours": "sat 9-9"}, "setup.problem_freeze_hours"),
        ({"kind": FreezeKind.WEEKLY, "hours": "sat 9-25"}, "setup.problem_freeze_hours"),
        ({"kind": FreezeKind.WEEKLY, "hours": "Mon-Sun," * 9}, "setup.problem_freeze_hours"),
        ({"kind": FreezeKind.DAYS}, "setup.problem_freeze_days"),
        ({"kind": FreezeKind.DAYS, "first_day": "2026-12-30"}, "setup.problem_freeze_days"),
        (
            {"kind": FreezeKind.DAYS, "first_day": "2026-12-30", "last_day": "2026-12-29"},
            "setup.problem_freeze_days",
        ),
        (
            {"kind": FreezeKind.DAYS, "first_day": "2026-12-30", "last_day": "2028-12-29"},
            "setup.problem_freeze_days",
        ),
        ({"kind": FreezeKind.HOLIDAYS}, "setup.problem_freeze_country"),
        ({"kind": FreezeKind.HOLIDAYS, "region": "XX"}, "setup.problem_freeze_country"),
    ],
)
def test_a_freeze_that_cannot_be_is_said_to_be_wrong(typed: dict[str, Any], problem: str) -> None:
    found = FreezeInput(**{"key": 0, "name": "Rest", **typed}).find_problem(3)
    assert found is not None
    assert (found.key, found.params["number"]) == (problem, 3)


@pytest.mark.parametrize(
    ("freeze", "english", "turkish"),
    [
        (
            own(weekly=["fri 17:00-24:00", "sat"]),
            "Rest (Fri 17:00–24:00, Sat)",
            "Rest (Cum 17:00–24:00, Cmt)",
        ),
        (
            own(**{"from": date(2026, 12, 30), "to": date(2027, 1, 2)}),
            "Rest (30 Dec 2026 – 2 Jan 2027)",
            "Rest (30 Ara 2026 – 2 Oca 2027)",
        ),
        (own(**{"from": date(2026, 12, 30), "to": date(2026, 12, 30)}), "Rest (30 Dec 2026)", "Rest (30 Ara 2026)"),
        (
            own(holidays="TR", half_day_from="13:00"),
            "Rest (public holidays in Türkiye, half days from 13:00)",
            "Rest (resmî tatiller (Türkiye), yarım günler 13:00 itibarıyla)",
        ),
    ],
)
def test_a_freeze_in_words(freeze: Freeze, english: str, turkish: str) -> None:
    def plain(text: str) -> str:
        return text.replace("\u2068", "").replace("\u2069", "")

    assert (plain(format_freeze(freeze, EN)), plain(format_freeze(freeze, TR))) == (english, turkish)
