"""Bearer tokens on API requests."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request


class AccessTokenAuthentication(BaseAuthentication):
    """Placeholder until the login lands."""

    def authenticate(self, request: Request) -> None:
        return None
