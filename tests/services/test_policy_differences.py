"""What a policy file would change, and for whom: a line each."""

import pytest

from flowbot.services.policy_differences import describe_differences
from flowbot.services.policy_files import parse_book

BEFORE = """
[websites]
1 = "Shop"
2 = "Blog"
[[channels]]
id = "C0MARKETING"
websites = [1, 2]
viewers = ["*"]
editors = ["S0EDITORS"]
approvers = ["S0LEADS", "U0BURAK"]
[channels.approval]
channel = "C0APPROVALS"
[[freezes]]
name = "Bayram"
holidays = "TR"
half_day_from = "13:00"
[[freezes]]
name = "Weekends"
channels = ["C0MARKETING"]
weekly = ["fri 17:00-24:00", "sat"]
"""


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", []),
        ('"S0LEADS", ', "", ["C0MARKETING: S0LEADS no longer approves"]),
        (
            '["S0EDITORS"]',
            '["U0EMMA"]',
            ["C0MARKETING: U0EMMA can edit flows", "C0MARKETING: S0EDITORS can no longer edit flows"],
        ),
        ('["*"]', "[]", ["C0MARKETING: everyone in the channel can no longer see flows as a viewer"]),
        ("[1, 2]", "[2, 3]", ["C0MARKETING: website 3 is added", "C0MARKETING: website 1 is removed"]),
        ("[1, 2]", '"all"', ["C0MARKETING: websites 1, 2 → all"]),
        (
            'channel = "C0APPROVALS"',
            "quorum = 2",
            ["C0MARKETING: quorum 1 → 2", "C0MARKETING: channel C0APPROVALS → none"],
        ),
        (
            'channel = "C0APPROVALS"',
            'channel = "C0APPROVALS"\nself_approval = true',
            ["C0MARKETING: self_approval no → yes"],
        ),
        (
            'channel = "C0APPROVALS"',
            'channel = "C0APPROVALS"\nbreak_glass = ["U0DENIZ"]',
            ["C0MARKETING: U0DENIZ can skip approval"],
        ),
        (
            'approvers = ["S0LEADS", "U0BURAK"]\n[channels.approval]',
            '[channels.approval]\nstages = [["S0LEGAL"], ["S0LEADS", "*"]]',
            [
                "C0MARKETING: S0LEGAL can approve",
                "C0MARKETING: everyone in the channel can approve",
                "C0MARKETING: U0BURAK no longer approves",
                "C0MARKETING: stages none → S0LEGAL, then S0LEADS + everyone in the channel",
            ],
        ),
        (
            'channel = "C0APPROVALS"',
            """channel = "C0APPROVALS"
escalate_after_hours = 24
escalate_to = ["S0DIRECTORS"]
quorum_over = { 50000 = 3, 10000 = 2 }
stand_ins = false
reason_required = true""",
            [
                "C0MARKETING: escalate_after_hours none → 24",
                "C0MARKETING: S0DIRECTORS can decide once a request is escalated",
                "C0MARKETING: quorum_over none → 2 from 10000 subscribers, 3 from 50000 subscribers",
                "C0MARKETING: stand_ins yes → no",
                "C0MARKETING: reason_required no → yes",
            ],
        ),
        (
            "[[freezes]]",
            """[channels.watch]\ntell = "live"\n[channels.breaker]\nmax_close_rate = 0.6
[channels.digest]\nat = "mon 09:00"\n[[freezes]]""",
            [
                "C0MARKETING: watch tell all → live",
                "C0MARKETING: breaker min_sent none → 1000",
                "C0MARKETING: breaker max_close_rate none → 0.6",
                "C0MARKETING: digest at none → mon 09:00",
            ],
        ),
        ('viewers = ["*"]', 'viewers = ["*"]\nlanguage = "tr"', ["C0MARKETING: language none → tr"]),
        ('2 = "Blog"', "", ["website 2: no longer named Blog"]),
        ('"Blog"', '"Magazine"', ["website 2: renamed Blog → Magazine"]),
        ('"Blog"', '"Blog"\n3 = "News"', ["website 3: named News"]),
        (
            'weekly = ["fri 17:00-24:00", "sat"]',
            "from = 2026-12-30\nto = 2027-01-02",
            [
                "freeze Weekends ends: C0MARKETING, weekly fri 17:00-24:00, sat",
                "freeze Weekends holds: C0MARKETING, 2026-12-30 to 2027-01-02",
            ],
        ),
        (
            'half_day_from = "13:00"',
            "",
            [
                "freeze Bayram ends: all channels, holidays of TR, half days from 13:00",
                "freeze Bayram holds: all channels, holidays of TR",
            ],
        ),
    ],
)
def test_each_difference_is_a_line_that_names_the_channel(old: str, new: str, lines: list[str]) -> None:
    after = BEFORE.replace(old, new, 1) if old else BEFORE
    assert describe_differences(parse_book(BEFORE), parse_book(after)) == lines


def test_a_new_channel_lists_what_it_grants_and_a_removed_one_what_ends() -> None:
    new = BEFORE.replace("C0MARKETING", "C0SALES")
    assert describe_differences(parse_book(BEFORE), parse_book(new)) == [
        "C0MARKETING: nobody can use flowbot any more",
        "C0SALES: flowbot is set up",
        "C0SALES: website 1 is added",
        "C0SALES: website 2 is added",
        "C0SALES: everyone in the channel can see flows",
        "C0SALES: S0EDITORS can edit flows",
        "C0SALES: S0LEADS can approve",
        "C0SALES: U0BURAK can approve",
        "C0SALES: channel none → C0APPROVALS",
        "freeze Weekends ends: C0MARKETING, weekly fri 17:00-24:00, sat",
        "freeze Weekends holds: C0SALES, weekly fri 17:00-24:00, sat",
    ]
