"""Transactions, the chain's status and the platform's contracts, over HTTP."""

from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import ALL_ROLES, Role
from apps.chain.api.serializers import ChainStatusSerializer, ContractsSerializer, IntentSerializer
from apps.chain.selectors.contracts import addresses
from apps.chain.selectors.intents import visible_intent
from apps.chain.selectors.status import chain_status
from apps.core import clock
from apps.core.http.views import View


class IntentView(View):
    """One transaction."""

    required_roles = frozenset({Role.OPS.value, Role.COMPLIANCE.value, Role.ISSUER.value})

    @extend_schema(operation_id="get_chain_intent", tags=["chain"], responses=IntentSerializer)
    def get(self, request: Request, intent_id: UUID) -> Response:
        """A transaction's way from its nonce to finality. Issuers see their own."""
        found = visible_intent(intent_id, actor=self.actor(request))
        return Response(IntentSerializer(found).data)


class StatusView(View):
    """How far the chain is known."""

    required_roles = frozenset({Role.OPS.value, Role.COMPLIANCE.value})

    @extend_schema(operation_id="get_chain_status", tags=["chain"], responses=ChainStatusSerializer)
    def get(self, request: Request) -> Response:
        """Head and final block stored, streams, nodes, signers, open transactions, and what waits for a person."""
        return Response(ChainStatusSerializer(chain_status(clock.now())).data)


class ContractsView(View):
    """Where to find us on chain."""

    required_roles = ALL_ROLES

    @extend_schema(operation_id="get_chain_contracts", tags=["chain"], responses=ContractsSerializer)
    def get(self, request: Request) -> Response:
        """Addresses: `dvp` needs an allowance of both sides; `payment_token` is the cash that settles."""
        found = addresses()
        named = {name: found.get(name, "") for name in ("dvp", "payment_token")}
        return Response(ContractsSerializer({"chain_id": settings.CHAIN_ID, "contracts": found, **named}).data)
