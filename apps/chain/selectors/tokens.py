"""Tokens bound to ISINs, and the identities their registries know."""

from django.db.models import Q
from django.db.models.functions import Coalesce

from apps.chain.errors import UnknownToken
from apps.chain.models import ChainIdentity, RegistryEntry, TokenBinding
from apps.chain.types import (
    BindingState,
    BindingView,
    ClaimState,
    Folds,
    IdentityView,
    RegistrationState,
    TokenStandard,
)


def binding(isin: str) -> BindingView:
    """The token bound to this ISIN now, in whatever state. Raises UnknownToken."""
    row = TokenBinding.objects.filter(isin=isin, valid_to_block=None).first()
    if row is None:
        raise UnknownToken(isin=isin)
    return binding_view(row)


def live_bindings() -> list[BindingView]:
    """All LIVE tokens, by ISIN."""
    live = TokenBinding.objects.filter(state=BindingState.LIVE, valid_to_block=None)
    return [binding_view(row) for row in live.order_by("isin")]


def binding_at(isin: str, block_number: int) -> BindingView:
    """The token that spoke for this ISIN at a block. Raises UnknownToken."""
    since = Coalesce("valid_from_block", "deploy_block")
    rows = TokenBinding.objects.annotate(since=since).filter(isin=isin, since__lte=block_number)
    row = rows.filter(Q(valid_to_block=None) | Q(valid_to_block__gte=block_number)).first()
    if row is None:
        raise UnknownToken(isin=isin)
    return binding_view(row)


def ended_tokens() -> dict[str, int]:
    """The last block of each token that speaks for its ISIN no more, by address."""
    ended = TokenBinding.objects.filter(valid_to_block__isnull=False, address__isnull=False)
    return {str(address): int(number or 0) for address, number in ended.values_list("address", "valid_to_block")}


def identity(wallet_address: str) -> IdentityView | None:
    """The wallet's identity, if one was ever asked for."""
    row = ChainIdentity.objects.filter(pk=wallet_address).first()
    return identity_view(row) if row else None


def registered_wallets(isin: str) -> frozenset[str]:
    """Wallets that the token's registry knows by us, their identity's claim being final."""
    rows = RegistryEntry.objects.filter(isin=isin, state=RegistrationState.FINAL, wallet__claim_state=ClaimState.FINAL)
    return frozenset(rows.values_list("wallet_id", flat=True))


def binding_view(row: TokenBinding) -> BindingView:
    """The row as other rooms see it."""
    return BindingView(
        isin=row.isin,
        name=row.name,
        symbol=row.symbol,
        decimals=row.decimals,
        state=BindingState(row.state),
        address=row.address or "",
        identity_registry=row.identity_registry or "",
        deploy_block=row.deploy_block,
        intent_id=row.intent_id,
        reason=row.reason,
        standard=TokenStandard(row.standard),
        folds=Folds(row.folds),
        valid_from_block=row.deploy_block if row.valid_from_block is None else row.valid_from_block,
        valid_to_block=row.valid_to_block,
    )


def identity_view(row: ChainIdentity) -> IdentityView:
    """The row as other rooms see it."""
    return IdentityView(
        wallet_address=row.wallet_address,
        party_key=row.party_key,
        identity=row.identity or "",
        claim_state=ClaimState(row.claim_state),
        registration_state=RegistrationState(row.registration_state),
    )
