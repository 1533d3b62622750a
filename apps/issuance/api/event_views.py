"""Events of securities' tokens, as they were read off the chain."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import ALL_ROLES, Role
from apps.chain.selectors.events import event_views
from apps.chain.services.ingest_one import ingest_transaction
from apps.chain.services.nodes import default_node
from apps.chain.types.token_events import TokenEventView
from apps.core import clock
from apps.core.http.filters import Listing
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body
from apps.core.http.views import View
from apps.core.money import format_base_units
from apps.core.rate_limits import Bucket
from apps.issuance.api.event_serializers import (
    IngestedSerializer,
    IngestOrderSerializer,
    TokenEventListQuery,
    TokenEventSerializer,
)
from apps.issuance.selectors.events import events_for, events_of_transaction, issuances_of


def render(found: Sequence[TokenEventView]) -> list[dict[str, Any]]:
    """The answer for events."""
    issuances = issuances_of({event.intent_id for event in found if event.intent_id})
    rows = [
        asdict(event)
        | {
            "quantity": None if event.amount is None else format_base_units(event.amount, event.decimals),
            "issuance_id": issuances.get(event.intent_id) if event.intent_id else None,
        }
        for event in found
    ]
    return list(TokenEventSerializer(rows, many=True).data)


def chosen(asked: Listing, name: str) -> list[Any] | None:
    """The values of a filter that takes one or more; None for all there are."""
    one, several = asked.get(name), asked.get(f"{name}__in")
    if one is None:
        return several
    return [one] if several is None or one in several else []


class TokenEventsView(View):
    """Events of tokens."""

    required_roles = ALL_ROLES
    reads_query = True

    @extend_schema(
        operation_id="list_token_events",
        tags=["issuance"],
        parameters=[TokenEventListQuery],
        responses=page_of(TokenEventSerializer, TokenEventListQuery),
    )
    def get(self, request: Request) -> Response:
        """Events of tokens by chain order, newest first: an issuer's own, those that name an investor's wallets."""
        asked = TokenEventListQuery.read(request)
        rows = events_for(
            self.actor(request),
            isins=chosen(asked, "isin"),
            wallet_address=asked.get("wallet_address"),
            kinds=chosen(asked, "event"),
            finality=asked.get("finality"),
        )
        return self.page(asked, rows, lambda found: render(event_views(found)))


class IngestView(View):
    """One transaction now."""

    required_roles = frozenset({Role.OPS.value})
    throttle = Bucket.ISSUANCE
    # The transaction's hash names it: again is a second look, and stores nothing twice. The chain is asked between.
    idempotency = Idempotency.NONE
    refuses = frozenset({404})

    @extend_schema(
        operation_id="ingest_transaction",
        tags=["issuance"],
        request=IngestOrderSerializer,
        responses={200: IngestedSerializer, 202: IngestedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Have a mined transaction's events read now: 202 if its block is not stored within a few seconds.

        A block that was stored is read again and verified; what was missing of it is stored, and raises an alert.
        """
        tx_hash = read_body(request, IngestOrderSerializer)["tx_hash"]
        wait = settings.SECURITY.chain.stream.wait_seconds
        with default_node() as node:
            done = ingest_transaction(
                actor=self.actor(request), tx_hash=tx_hash, node=node, now=clock.now(), patience=wait
            )
        answer = {
            "state": "STORED" if done.is_here else "WAITING",
            "block_number": done.block_number,
            "stored": done.stored,
            "events": render(events_of_transaction(tx_hash)) if done.is_here else [],
        }
        return Response(answer, status=200 if done.is_here else 202)
