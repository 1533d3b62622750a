"""Where a token's code keeps its balances: the one door for whoever makes or checks proofs."""

from dataclasses import dataclass

from django.db.models import Q
from eth_utils.crypto import keccak

from apps.chain.errors import LayoutUnverified
from apps.chain.models import StorageLayout
from apps.chain.selectors.tokens import binding_at


@dataclass(frozen=True, slots=True)
class LayoutView:
    """Slots of a token's storage, 32-byte words in hex."""

    token: str
    balances_slot: str
    supply_slot: str

    def balance_key(self, wallet: str) -> str:
        """The word that holds a wallet's balance."""
        return mapping_key(wallet, self.balances_slot)


def layout(isin: str, block_number: int) -> LayoutView:
    """The layout verified for the token that spoke for an ISIN at a block.

    Raises LayoutUnverified where it was never verified, was verified later, or the code may have changed before the
    end of that block; UnknownToken.
    """
    token = binding_at(isin, block_number).address
    holding = Q(withdrawn_block=None) | Q(withdrawn_block__gt=block_number)
    rows = StorageLayout.objects.filter(holding, binding__address=token, from_block__lte=block_number)
    row = rows.order_by("-from_block").first()
    if row is None:
        raise LayoutUnverified(isin=isin, block_number=block_number)
    return LayoutView(token, row.balances_slot, row.supply_slot)


def mapping_key(wallet: str, slot: str) -> str:
    """Where Solidity puts a mapping's value: keccak256(pad32(key) ++ slot)."""
    return "0x" + keccak(bytes.fromhex(wallet[2:].rjust(64, "0") + slot[2:])).hex()
