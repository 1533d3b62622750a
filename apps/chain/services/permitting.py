"""What each role may say, and to whom: calls that the policy names, and no other."""

from functools import cache

from eth_utils.crypto import keccak

from apps.chain import calls
from apps.chain.errors import CallNotPermitted
from apps.chain.models import ChainIdentity, ContractAddress, Signer, TokenBinding, TxIntent
from apps.chain.services.limits import power_of
from apps.chain.types import NewIntent
from config.security.types.chain import ANYTHING, CREATION, OWN_ADDRESS

DEPLOYMENT = "deploy"  # the kind of the platform's own contracts
SECURITY, REGISTRY, IDENTITY = "security", "registry", "identity"


def require_permitted(asked: NewIntent) -> None:
    """Raise CallNotPermitted unless the policy lets the signer say this where it says it."""
    to = asked.to.lower() if asked.to else None
    for call in power_of(asked.signer).calls:
        if _fits(call, asked, to):
            return
    raise CallNotPermitted(signer=asked.signer.value, to=to or "", selector="0x" + asked.data[:4].hex())


def _fits(call: str, asked: NewIntent, to: str | None) -> bool:
    if call == ANYTHING:
        return True
    if to is None or call == CREATION:
        return to is None and call == CREATION
    if call == OWN_ADDRESS:
        return Signer.objects.filter(pk=asked.signer, address=to).exists()
    place, _, function = call.partition(" ")
    return asked.data[:4] == _selector(function) and _is_at(place, to)


@cache
def _selector(function: str) -> bytes:
    return keccak(text=function)[:4]


def _is_at(place: str, address: str) -> bool:
    """Whether that address is one of a token, of a token's registry, of an identity, or the platform's by its name."""
    if place == SECURITY:
        return TokenBinding.objects.filter(address=address).exists()
    if place == REGISTRY:
        return TokenBinding.objects.filter(identity_registry=address).exists()
    if place == IDENTITY:
        return ChainIdentity.objects.filter(identity=address).exists()
    known = ContractAddress.objects.filter(name=place).values_list("address", flat=True).first()
    return known == address if known else _will_be_at(place, address)


def _will_be_at(place: str, address: str) -> bool:
    """Whether the platform's deployment, while it is on its way, puts the contract there."""
    creations = TxIntent.objects.filter(business_key=f"{DEPLOYMENT}:{place}", to=None).select_related("signer")
    creation = creations.first()
    return creation is not None and calls.creation_address(creation.signer.address, creation.given_nonce) == address
