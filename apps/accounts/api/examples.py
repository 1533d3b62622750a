"""Examples."""

from typing import Any

from apps.core.http.examples import ALICE, AT, MAKER, Example

PARTY: dict[str, Any] = {
    "id": ALICE,
    "kind": "NATURAL",
    "legal_name": "Alice Example",
    "country": "DE",
    "created_at": AT,
}
PASSWORD = "correct horse battery staple"  # noqa: S105 (everybody's example)
# Three parts of base64 with dots between, as a JWT is; it opens nothing.
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJib29rZW50cnkifQ.not-a-signature"  # noqa: S105

EXAMPLES = {
    "log_in": Example(
        request={"username": "alice", "password": PASSWORD},
        answer={"access": TOKEN, "token_type": "Bearer", "expires_in": 300},
    ),
    "who_am_i": Example(answer={"user_id": MAKER, "username": "alice", "party": PARTY, "roles": ["INVESTOR"]}),
    "open_party": Example(
        request={"kind": "NATURAL", "legal_name": "Alice Example", "country": "DE"},
        answer=PARTY,
    ),
    "add_user": Example(
        request={
            "username": "alice",
            "password": PASSWORD,
            "party_id": ALICE,
            "role": "INVESTOR",
            "rate_tier": "standard",
        },
        answer={
            "id": MAKER,
            "username": "alice",
            "party_id": ALICE,
            "role": "INVESTOR",
            "rate_tier": "standard",
            "created_at": AT,
        },
    ),
}
