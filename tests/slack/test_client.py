"""Addresses that flowbot calls, and the proxy that it uses."""

from typing import Final

import pytest

from flowbot.slack.api.client import is_slack_url, proxy_for

SLACK: Final = "https://slack.com/api"
OWN: Final = "http://127.0.0.1:5555/api"

OURS: Final = [
    ("https://hooks.slack.com/commands/T1/2/3", SLACK),
    ("https://hooks.slack.com:443/commands/T1/2/3", SLACK),
    ("HTTPS://HOOKS.SLACK.COM/actions/T1/2/3", SLACK),
    ("https://files.slack.com/files-pri/T1-F2/a%20b.png?x=1", SLACK),
    ("https://hooks.slack-gov.com/commands/T1/2/3", SLACK),
    ("https://slack.com/files/x", SLACK),
    ("https://hooks.slack.com/commands/T1/2/3", OWN),
    ("http://127.0.0.1:5555/commands/T1/2/3", OWN),
    ("http://localhost:5555/files/a", "http://localhost:5555/api"),
    ("http://[::1]:5555/files/a", "http://[::1]:5555/api"),
]

FOREIGN: Final = [
    ("nothing", ""),
    ("no scheme", "//hooks.slack.com/x"),
    ("a path", "/commands/T1/2/3"),
    ("plain http", "http://hooks.slack.com/x"),
    ("another scheme", "ftp://hooks.slack.com/x"),
    ("a script", "javascript://hooks.slack.com/%0aalert(1)"),
    ("a name that ends alike", "https://evilslack.com/x"),
    ("a name that begins alike", "https://slack.com.evil.example/x"),
    ("a name that begins alike, deeper", "https://hooks.slack.com.evil.example/x"),
    ("another port", "https://hooks.slack.com:8443/x"),
    ("a port that is none", "https://hooks.slack.com:99999/x"),
    ("a port of letters", "https://hooks.slack.com:https/x"),
    ("userinfo that looks like a host", "https://hooks.slack.com@evil.example/x"),
    ("userinfo with a password", "https://hooks.slack.com:443@evil.example/x"),
    ("userinfo ahead of Slack", "https://evil.example@hooks.slack.com/x"),
    ("empty userinfo", "https://:@hooks.slack.com/x"),
    ("a backslash ahead of an @", "https://evil.example\\@hooks.slack.com/x"),
    ("a backslash in the host", "https://evil.example\\.slack.com/x"),
    ("a backslash for a slash", "https:\\\\hooks.slack.com/x"),
    ("an escaped slash in the host", "https://evil.example%2f.slack.com/x"),
    ("a fragment", "https://evil.example#.slack.com/x"),
    ("a query", "https://evil.example?.slack.com/x"),
    ("an IPv6 address", "https://[::1]/x"),
    ("an IPv6 address with a tail", "https://[::1].slack.com/x"),
    ("half an IPv6 address", "https://[::1/x"),
    ("loopback", "https://127.0.0.1/x"),
    ("a line feed in the host", "https://hooks.sl\nack.com/x"),
    ("white space ahead", " https://hooks.slack.com/x"),
    ("a line feed at the end", "https://hooks.slack.com/x\n"),
    ("a NUL", "https://hooks.slack.com\0/x"),
    ("another alphabet's dot", "https://evil.example。slack.com/x"),
    ("letters that fold to Slack's", "https://hooks.ſlack.com/x"),
    ("an empty label", "https://.slack.com/x"),
    ("two dots", "https://hooks..slack.com/x"),
]


@pytest.mark.parametrize(("url", "api"), OURS)
def test_slacks_own_hosts_and_the_configured_origin_are_called(url: str, api: str) -> None:
    assert is_slack_url(url, api)


@pytest.mark.parametrize("url", [url for _, url in FOREIGN], ids=[name for name, _ in FOREIGN])
@pytest.mark.parametrize("api", [SLACK, OWN])
def test_nobody_else_is(url: str, api: str) -> None:
    assert not is_slack_url(url, api)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:5555/x",
        "http://127.0.0.1:5556/x",
        "http://127.0.0.1/x",
        "http://localhost:5555/x",
        "http://127.0.0.2:5555/x",
        "http://127.0.0.1:5555@evil.example/x",
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str) -> None:
    assert not is_slack_url(url, OWN)


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/", "https://localhost/"])
def test_no_proxy_stands_between_flowbot_and_its_own_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert proxy_for(url) is None


def test_the_environments_proxy_is_used_for_others_except_those_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "slack.internal")
    assert proxy_for("https://slack.com/api") == "http://proxy:3128"
    assert proxy_for("https://api.slack.internal/api") is None
    assert proxy_for("http://slack.example/api") is None


def test_without_a_proxy_there_is_none() -> None:
    assert proxy_for("https://slack.com/api") is None
