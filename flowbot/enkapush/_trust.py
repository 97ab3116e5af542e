"""Which certificates flowbot trusts."""

import ssl
from functools import cache

import httpx


@cache
def trust() -> ssl.SSLContext:
    """The authorities that every client trusts; SSL_CERT_FILE and SSL_CERT_DIR count.

    Reading their certificates takes longer than all else about a client: once a process is enough.
    """
    return httpx.create_ssl_context()
