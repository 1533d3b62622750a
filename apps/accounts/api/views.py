"""Login, and the parties and users behind it."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import client_ip
from apps.accounts.api.serializers import AccessTokenSerializer, CredentialsSerializer
from apps.accounts.services.login import log_in
from apps.core import clock
from apps.core.http.serializers import read_body
from apps.core.http.views import View


class TokenView(View):
    """Log in."""

    public = True
    # A stale token in the header must not keep anyone from getting a fresh one.
    authentication_classes = []

    @extend_schema(
        operation_id="log_in", tags=["auth"], request=CredentialsSerializer, responses=AccessTokenSerializer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Exchange a username and password for a short-lived access token."""
        body = read_body(request, CredentialsSerializer)
        token = log_in(**body, ip_address=client_ip(request), now=clock.now())
        return Response(AccessTokenSerializer(token).data, headers={"Cache-Control": "no-store"})
