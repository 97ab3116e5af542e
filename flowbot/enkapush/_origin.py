"""Which hosts the key may travel to, and by which way."""

import ipaddress

import httpx


def checked_base_url(text: str) -> httpx.URL:
    """Return the base URL.

    Raises:
        ValueError: It is not an absolute http or https URL, or it carries a name and password, a query or a fragment.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError("the base URL is not a URL") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("the base URL must begin with http:// or https:// and name a host")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("the base URL must not carry a name and password, a query or a fragment")
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Whether the URL names this very machine, which no proxy can reach on our behalf."""
    host = url.host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_follow(old: httpx.URL, new: httpx.URL) -> bool:
    """Whether a read may follow a redirect: to the same origin, or from http to https on the same host."""
    if old.host != new.host:
        return False
    same = (old.scheme, _port(old)) == (new.scheme, _port(new))
    upgraded = (old.scheme, _port(old), new.scheme, _port(new)) == ("http", 80, "https", 443)
    return same or upgraded


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
