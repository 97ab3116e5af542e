"""Hosts as browsers show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.urls import has_utm, hostname, is_plain_http, is_web_url


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.Example/sale", "shop.example"),
        (r"https://evil.example\@shop.example/", "evil.example"),
        ("https://shop.example@evil.example/", "evil.example"),
        ("https:\\\\evil.example", "evil.example"),
        ("https:evil.example", "evil.example"),
        ("  https://ev\til.example", "evil.example"),
        ("https://evil%2eexample/", "evil.example"),
        ("https://0x7f.1/", "127.0.0.1"),
        ("https://çiçek.example/", "çiçek.example"),
        ("https://xn--iek-1lab.example/", "çiçek.example"),
        ("https://\u0430pple.example/", "xn--pple-43d.example"),
        ("http://[2001:db8:0::1]:8080/x", "[2001:db8::1]"),
        ("https://999.1.1.1/", ""),
        ("mailto:a@shop.example", ""),
        ("nonsense", ""),
    ],
    ids=ascii,
)
def test_the_host_is_the_one_that_a_browser_opens(url: str, host: str) -> None:
    assert hostname(url) == host


@given(st.text(st.characters()) | st.text(st.characters()).map("https://{}".format))
def test_any_text_can_be_asked(url: str) -> None:
    assert not (is_web_url(url) and not hostname(url))
    assert {type(answer(url)) for answer in (is_web_url, is_plain_http, has_utm)} == {bool}
