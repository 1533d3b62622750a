"""Login, and the parties and users behind it."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    AccessTokenSerializer,
    CredentialsSerializer,
    NewPartySerializer,
    NewUserSerializer,
    PartySerializer,
    UserSerializer,
    WhoAmISerializer,
)
from apps.accounts.selectors.members import profile_of
from apps.accounts.services.login import log_in
from apps.accounts.services.parties import open_party
from apps.accounts.services.users import add_user
from apps.accounts.types import ALL_ROLES, Role
from apps.core import clock
from apps.core.http.client import client_address, client_agent
from apps.core.http.idempotency import Idempotency
from apps.core.http.serializers import read_body
from apps.core.http.views import View
from apps.core.rate_limits import Bucket, key_of_name


class TokenView(View):
    """Log in."""

    public = True
    refuses = frozenset({401})
    # A stale token in the header must not keep anyone from getting a fresh one.
    authentication_classes = []
    throttle = Bucket.LOGINS
    idempotency = Idempotency.NONE  # a token is shown once

    @extend_schema(
        operation_id="log_in", tags=["auth"], request=CredentialsSerializer, responses=AccessTokenSerializer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Exchange a username and password for a short-lived access token."""
        body = read_body(request, CredentialsSerializer)
        # Before the hash: nobody guesses one name from many addresses, and no refusal costs an argon2.
        self.spend(Bucket.LOGINS, key_of_name(body["username"]))
        token = log_in(**body, ip_address=client_address(request), user_agent=client_agent(request), now=clock.now())
        return Response(AccessTokenSerializer(token).data)


class MeView(View):
    """The caller."""

    required_roles = ALL_ROLES

    @extend_schema(operation_id="who_am_i", tags=["accounts"], responses=WhoAmISerializer)
    def get(self, request: Request) -> Response:
        """Who is logged in, for which party, in which roles."""
        return Response(WhoAmISerializer(profile_of(self.actor(request))).data)


class PartiesView(View):
    """Parties."""

    required_roles = frozenset({Role.OPS.value})
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="open_party", tags=["accounts"], request=NewPartySerializer, responses={201: PartySerializer}
    )
    def post(self, request: Request) -> Response:
        """Open a party: a natural or legal person that may own."""
        body = read_body(request, NewPartySerializer)
        party = open_party(actor=self.actor(request), **body, now=clock.now())
        return Response(PartySerializer(party).data, status=201)


class UsersView(View):
    """Users."""

    required_roles = frozenset({Role.OPS.value})
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="add_user", tags=["accounts"], request=NewUserSerializer, responses={201: UserSerializer}
    )
    def post(self, request: Request) -> Response:
        """Add a user in one role at a party."""
        body = read_body(request, NewUserSerializer)
        user = add_user(actor=self.actor(request), **body, now=clock.now())
        return Response(UserSerializer(user).data, status=201)
