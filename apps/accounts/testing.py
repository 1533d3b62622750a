"""Test support for every room's API tests. Not imported by the product."""

from typing import Any

from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services.tokens import mint_access_token
from apps.core import clock


class ApiClient(APIClient):
    """Speaks JSON, and lets a server error be the 500 a client would see."""

    default_format = "json"

    def __init__(self, **defaults: Any) -> None:
        super().__init__(raise_request_exception=False, **defaults)


def api_client(user: User | None = None) -> ApiClient:
    """A client with a real token of `user`, or without any login."""
    client = ApiClient()
    if user is not None:
        token = mint_access_token(user_id=user.pk, now=clock.now())
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token.access}")
    return client
