"""Requests per second of one view that inserts a row: on the HTTP kit, and on bare DRF.

Ours: token, user and roles read anew from the database, rate limit in Valkey, strict body, envelope, request id,
metrics, security headers, one unit of work, as an unprivileged database role. Peer: DRF's quickstart with its own
token authentication. Both insert the same row, on the same web server and the same PostgreSQL with fsync on, under
the same eight connections. `open_peer` is the same view without any authentication, for comparison.
"""

import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from statistics import median
from typing import Any

from bench.books import set_up
from bench.load import Client, Send, as_fast_as_possible

NAME = "api.kit_overhead"
ROUNDS, SECONDS, CONNECTIONS = 5, 4.0, 8
BAR = 0.6
LIMITS = ("USER", "ANON")
# As it is deployed, but for TLS. The token's key is the one that minted the token.
PRODUCTION = {
    "DJANGO_DEBUG": "false",
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(64),
    "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
    "DJANGO_SECURE_SSL_REDIRECT": "false",
    "PUBLIC_DOMAIN": "localhost",
    "DOCUMENTS_LOCATION": "/var/lib/bookentry/documents",
    "AUDIT_SIGNING_KEY": b64encode(secrets.token_bytes(32)).decode(),
    "AWS_KMS_KEY_ID": "arn:aws:kms:eu-central-1:000000000000:key/never-asked",
}


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rates, their ratio, and each beside the open view."""
    from bench.peers.served import bare_drf

    rates: dict[str, list[float]] = {"ours": [], "peer": [], "open_peer": []}
    with _kit() as ours, bare_drf() as peer:
        senders = {
            "ours": lambda: _sender(*ours, "/api/bench/rows"),
            "peer": lambda: _sender(peer.url, peer.credentials, "/token/rows"),
            "open_peer": lambda: _sender(peer.url, {}, "/bare/rows"),
        }
        for number in range(ROUNDS + 1):
            for side, make in senders.items():
                done, seconds = as_fast_as_possible(SECONDS, [make() for _ in range(CONNECTIONS)])
                if number:  # the first round fills caches
                    rates[side].append(done / seconds)
                    say(f"round {number}/{ROUNDS} {side}: {done / seconds:,.0f} requests/s")
    found = {side: round(median(taken), 1) for side, taken in rates.items()}
    ratio = round(found["ours"] / found["peer"], 2)
    to_open = round(found["ours"] / found["open_peer"], 2)
    return {**found, "ratio": ratio, "ratio_to_open": to_open, "bar": BAR, "met": ratio >= BAR, "unit": "requests/s"}


def _sender(url: str, credentials: dict[str, str], path: str) -> Send:
    client = Client(url, credentials)

    def send(index: int) -> int:
        status = client.post(path, {"name": f"row {index}", "quantity": "1.50"})
        if status != 201:
            raise RuntimeError(f"{path} answered {status}")
        return status

    return send


@contextmanager
def _kit() -> Iterator[tuple[str, dict[str, str]]]:
    """The product with the measured view, and one investor's header."""
    os.environ.setdefault("JWT_SECRET_KEY", secrets.token_urlsafe(64))
    set_up()
    import psycopg2
    from django.conf import settings

    from apps.accounts.services.tokens import mint_access_token
    from apps.accounts.tests.factories import make_user
    from apps.core import clock
    from apps.core.testing.databases import cloned, ensure_template, urls_of
    from bench.rows import CREATE
    from bench.served import served

    with cloned(ensure_template(), f"bench_kit_{os.getpid()}") as name:
        urls = urls_of(name)
        with closing(psycopg2.connect(urls["DATABASE_OWNER_URL"])) as connection, connection:
            role = settings.DATABASES["default"]["USER"]
            connection.cursor().execute(f'{CREATE}; GRANT SELECT, INSERT ON bench_row TO "{role}"')
        token = mint_access_token(user_id=make_user(role="INVESTOR").pk, now=clock.now())
        raised = {f"RATE_LIMIT_{limit}": "1000000/min" for limit in LIMITS}
        with served("bench.kit.settings", {**urls, **raised, **PRODUCTION}) as url:
            yield url, {"Authorization": f"Bearer {token.access}"}
