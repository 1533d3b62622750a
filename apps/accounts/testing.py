"""Test support for every room's API tests. Not imported by the product."""

from typing import Any
from uuid import uuid4

from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services.tokens import mint_access_token
from apps.core import clock
from apps.core.http.idempotency import HEADER


class ApiClient(APIClient):
    """Speaks JSON, and lets a server error be the 500 a client would see."""

    default_format = "json"

    def __init__(self, **defaults: Any) -> None:
        super().__init__(raise_request_exception=False, **defaults)

    def command(self, path: str, data: Any = None, *, key: str = "") -> Any:
        """POST with an Idempotency-Key, a new one unless it is given."""
        return self.post(path, data, headers={HEADER: key or str(uuid4())})


def api_client(user: User | None = None) -> ApiClient:
    """A client with a real token of `user`, or without any login."""
    client = ApiClient()
    if user is not None:
        token = mint_access_token(user_id=user.pk, now=clock.now())
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.access}")
    return client
