"""Bearer tokens on API requests: the token says who, the database says whether and as what."""

from dataclasses import replace

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.errors import InvalidToken
from apps.accounts.models import User
from apps.accounts.selectors.members import acting_member
from apps.accounts.services.tokens import read_access_token
from apps.core import request_id
from apps.core.actor import Actor
from apps.core.http.client import client_address, client_agent
from apps.core.http.exceptions import CHALLENGE

SCHEME = "bearer"


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. The user is read again on each request: disabled means out at once."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """The user and the actor of this request; None without the header. Raises AuthenticationFailed."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME:
            return None
        try:
            claims = read_access_token(token)
        except InvalidToken as error:
            raise AuthenticationFailed(error.message) from error
        member = acting_member(claims.user_id)
        if member is None:
            raise AuthenticationFailed(InvalidToken.message)
        user, actor = member
        in_request = replace(
            actor,
            session_id=claims.session_id,
            request_id=request_id.current(),
            ip_address=client_address(request),
            user_agent=client_agent(request),
        )
        return user, in_request

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = AccessTokenAuthentication
    name = "accessToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": SCHEME, "bearerFormat": "JWT"}
