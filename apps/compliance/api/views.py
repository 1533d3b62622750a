"""Investors and their wallets."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compliance.api import serializers as shapes
from apps.compliance.selectors.investors import profile, profile_views, profiles
from apps.compliance.selectors.wallets import wallet_view, wallets_of
from apps.compliance.services.investors import decide_kyc, update_profile
from apps.compliance.services.wallets import challenge_wallet, prove_wallet
from apps.compliance.types import KycDecisionDraft, KycStatus
from apps.core import clock
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body
from apps.core.http.views import View
from apps.core.rate_limits import Bucket

OFFICERS = frozenset({"COMPLIANCE", "OPS"})
INVESTOR = frozenset({"INVESTOR"})


class ProfileView(View):
    """The caller's own standing as an investor."""

    required_roles = INVESTOR
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(operation_id="get_profile", tags=["compliance"], responses=shapes.ProfileSerializer)
    def get(self, request: Request) -> Response:
        """KYC status, claim status and investor class."""
        return Response(shapes.ProfileSerializer(profile(self.actor(request).require_party())).data)

    @extend_schema(
        operation_id="update_profile",
        tags=["compliance"],
        request=shapes.ProfileChangesSerializer,
        responses=shapes.ProfileSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Declare tax residence or a claim to accreditation; an officer decides."""
        changes = read_body(request, shapes.ProfileChangesSerializer)
        view = update_profile(actor=self.actor(request), **changes)
        return Response(shapes.ProfileSerializer(view).data)


class InvestorsView(View):
    """All investors, for officers."""

    required_roles = OFFICERS
    reads_query = True

    @extend_schema(
        operation_id="list_investors",
        tags=["compliance"],
        parameters=[shapes.InvestorListQuery],
        responses=page_of(shapes.ProfileSerializer, shapes.InvestorListQuery),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        asked = shapes.InvestorListQuery.read(request)
        return self.page(asked, profiles(), lambda rows: shapes.ProfileSerializer(profile_views(rows), many=True).data)


class InvestorView(View):
    """One investor, for officers."""

    required_roles = OFFICERS

    @extend_schema(operation_id="get_investor", tags=["compliance"], responses=shapes.ProfileSerializer)
    def get(self, request: Request, party_id: UUID) -> Response:
        """KYC status, claim status and investor class."""
        return Response(shapes.ProfileSerializer(profile(party_id)).data)


class KycView(View):
    """The KYC decision."""

    required_roles = frozenset({"COMPLIANCE"})
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="decide_kyc",
        tags=["compliance"],
        request=shapes.KycDecisionSerializer,
        responses=shapes.ProfileSerializer,
    )
    def post(self, request: Request, party_id: UUID) -> Response:
        """Approve or reject an investor's identity; approval starts its on-chain identity."""
        body = read_body(request, shapes.KycDecisionSerializer)
        draft = KycDecisionDraft(**{**body, "status": KycStatus(body["status"])})
        view = decide_kyc(actor=self.actor(request), party_id=party_id, draft=draft, now=clock.now())
        return Response(shapes.ProfileSerializer(view).data)


class WalletChallengeView(View):
    """A message to sign."""

    required_roles = INVESTOR
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="challenge_wallet",
        tags=["wallets"],
        request=shapes.WalletChallengeRequestSerializer,
        responses={201: shapes.WalletChallengeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Ask for a message that proves a wallet (EIP-4361)."""
        body = read_body(request, shapes.WalletChallengeRequestSerializer)
        challenge = challenge_wallet(actor=self.actor(request), address=body["address"], now=clock.now())
        return Response(shapes.WalletChallengeSerializer(challenge).data, status=201)


class WalletsView(View):
    """The caller's wallets."""

    required_roles = INVESTOR
    reads_query = True
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="list_wallets",
        tags=["wallets"],
        parameters=[shapes.WalletListQuery],
        responses=page_of(shapes.WalletSerializer, shapes.WalletListQuery),
    )
    def get(self, request: Request) -> Response:
        """Proved wallets and what they may hold."""
        asked = shapes.WalletListQuery.read(request)
        wallets = wallets_of(self.actor(request).require_party())
        return self.page(asked, wallets, lambda rows: [shapes.WalletSerializer(wallet_view(row)).data for row in rows])

    @extend_schema(
        operation_id="prove_wallet",
        tags=["wallets"],
        request=shapes.WalletProofSerializer,
        responses={201: shapes.WalletSerializer},
    )
    def post(self, request: Request) -> Response:
        """Prove a wallet by its signature over a challenge."""
        body = read_body(request, shapes.WalletProofSerializer)
        wallet = prove_wallet(actor=self.actor(request), now=clock.now(), **body)
        return Response(shapes.WalletSerializer(wallet).data, status=201)
