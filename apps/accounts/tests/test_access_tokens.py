"""What a request's token must be: ours, for this API, of this type, in time, and of someone still active."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import settings

from apps.accounts.checks import token_key_is_long
from apps.accounts.models import Membership, User
from apps.accounts.services.tokens import mint_access_token
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import Role
from apps.core import clock

ME = "/api/accounts/me"


def forged(user: User, *, key: str = "", algorithm: str = "HS256", typ: str | None = "at+jwt", **changes: Any) -> str:
    """A token like ours but for the changes (a claim of None is left out)."""
    now = int(clock.now().timestamp())
    claims = {"iss": "bookentry", "aud": "bookentry-api", "sub": str(user.pk), "sid": str(uuid4())}
    claims |= {"iat": now, "exp": now + 300} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key or settings.JWT_SECRET_KEY, algorithm=algorithm, headers={"typ": typ})


def with_token(token: str) -> ApiClient:
    client = api_client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.mark.usefixtures("books")
class TestAccessToken:
    def assert_refused(self, token: str) -> None:
        answer = with_token(token).get(ME)
        assert answer.status_code == 401, answer.content
        assert answer.json()["error"]["code"] == "not_authenticated"
        assert answer["WWW-Authenticate"] == 'Bearer realm="bookentry"'

    def test_as_minted_is_accepted(self) -> None:
        assert with_token(forged(make_user())).get(ME).status_code == 200

    def test_missing_is_refused(self) -> None:
        answer = api_client().get(ME)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="bookentry"'

    def test_without_signature_is_refused(self) -> None:
        header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).rstrip(b"=").decode()
        _, payload, _ = forged(make_user()).split(".")
        self.assert_refused(f"{header}.{payload}.")

    def test_with_altered_claims_is_refused(self) -> None:
        header, _, signature = forged(make_user()).split(".")
        payload = forged(make_user()).split(".")[1]
        self.assert_refused(f"{header}.{payload}.{signature}")

    def test_signed_with_another_key_is_refused(self) -> None:
        self.assert_refused(forged(make_user(), key="another-key-that-is-quite-long-enough-for-hs256"))

    def test_signed_with_another_algorithm_is_refused(self) -> None:
        key = settings.JWT_SECRET_KEY.ljust(64, "x")
        self.assert_refused(forged(make_user(), algorithm="HS512", key=key))

    def test_expired_is_refused(self) -> None:
        minted = mint_access_token(user_id=make_user().pk, now=clock.now() - timedelta(seconds=303))
        self.assert_refused(minted.access)

    def test_issued_in_the_future_is_refused(self) -> None:
        minted = mint_access_token(user_id=make_user().pk, now=clock.now() + timedelta(seconds=30))
        self.assert_refused(minted.access)

    @pytest.mark.parametrize("typ", [None, "JWT", "rt+jwt"])
    def test_of_another_type_is_refused(self, typ: str | None) -> None:
        self.assert_refused(forged(make_user(), typ=typ))

    @pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "iat", "exp"])
    def test_lacking_a_claim_is_refused(self, claim: str) -> None:
        self.assert_refused(forged(make_user(), **{claim: None}))

    @pytest.mark.parametrize(
        "change",
        [
            {"iss": "someone-else"},
            {"aud": "another-api"},
            {"aud": ["bookentry-api", "other"]},
            {"sub": "42"},
            {"sub": "01a1ff81-48aa-70ce-808a-4eefdbf36ff8"},
            {"sid": "x"},
            {"exp": "soon"},
        ],
        ids=str,
    )
    def test_with_another_claim_is_refused(self, change: dict[str, Any]) -> None:
        self.assert_refused(forged(make_user(), **change))

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "\x00", "é.é.é", "Bearer", "a b"])
    def test_that_is_no_token_is_refused(self, token: str) -> None:
        self.assert_refused(token)

    def test_of_a_disabled_user_is_refused_at_the_next_request(self) -> None:
        user = make_user()
        client = api_client(user)
        assert client.get(ME).status_code == 200
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert client.get(ME).status_code == 401

    def test_acts_with_the_roles_of_this_moment(self) -> None:
        user = make_user(role=Role.INVESTOR)
        client = api_client(user)
        user.memberships.update(role=Role.ISSUER)
        assert client.get(ME).json()["data"]["roles"] == ["ISSUER"]

    def test_never_carries_a_role_from_one_party_to_another(self) -> None:
        user = make_user(role=Role.INVESTOR)
        Membership.objects.create(user=user, party=make_party(), role=Role.ISSUER, created_at=clock.now())
        data = api_client(user).get(ME).json()["data"]
        assert data["roles"] == ["INVESTOR"]
        assert data["party"]["id"] == str(user.memberships.get(role=Role.INVESTOR).party_id)


class TestTokenKey:
    def test_of_too_few_bytes_stops_the_start(self, settings: Any) -> None:
        assert token_key_is_long() == []
        settings.JWT_SECRET_KEY = "é" * 15 + "x"
        assert [error.id for error in token_key_is_long()] == ["accounts.E001"]
