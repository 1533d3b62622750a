"""Tokens bound to ISINs, and the identities their registries know."""

from apps.chain.errors import UnknownToken
from apps.chain.models import ChainIdentity, TokenBinding
from apps.chain.types import BindingState, BindingView, ClaimState, IdentityView, RegistrationState


def binding(isin: str) -> BindingView:
    """The token bound to this ISIN, in whatever state. Raises UnknownToken."""
    row = TokenBinding.objects.filter(pk=isin).first()
    if row is None:
        raise UnknownToken(isin=isin)
    return binding_view(row)


def live_bindings() -> list[BindingView]:
    """All LIVE tokens, by ISIN."""
    return [binding_view(row) for row in TokenBinding.objects.filter(state=BindingState.LIVE).order_by("isin")]


def identity(wallet_address: str) -> IdentityView | None:
    """The wallet's identity, if one was ever asked for."""
    row = ChainIdentity.objects.filter(pk=wallet_address).first()
    return identity_view(row) if row else None


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
