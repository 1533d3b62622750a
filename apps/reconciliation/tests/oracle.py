"""What each deed must be called. Written from the meaning of the eighteen kinds, not from the classifier.

A deed is told in its own words (see world.Done); the answer is the set of (kind, subject) a run must raise for it, no
less and no more. The subject is the wallet the break must name, or its transaction, or nothing.
"""

from collections.abc import Iterable, Mapping

from apps.reconciliation.tests.world import Done

Names = set[tuple[str, str]]

# By the deed: the kind, and whether the wallet ("wallet"), the transaction ("tx") or nothing ("") tells which it is.
CALLED: Mapping[str, tuple[str, str]] = {
    "agent moved units": ("UNAUTHORISED_ACTION", "tx"),
    "agent minted": ("UNAUTHORISED_ACTION", "tx"),
    "agent burned": ("UNAUTHORISED_ACTION", "tx"),
    "agent froze units": ("FROZEN_STATE", "wallet"),
    "agent froze a wallet": ("FROZEN_STATE", "wallet"),
    "agent froze a wallet and lifted it": ("UNAUTHORISED_ACTION", "wallet"),
    "owner made somebody an agent": ("UNAUTHORISED_ACTION", "tx"),
    "owner changed the code of tokens": ("UNAUTHORISED_ACTION", "tx"),
    "agent paused the token": ("PAUSE_STATE", ""),
    "agent removed an identity": ("IDENTITY_STATE", "wallet"),
    "token's storage changed without a log": ("PROJECTION", "wallet"),
    "cash token's storage changed without a log": ("CASH_LEG", "wallet"),
    "token's supply slot changed": ("SUPPLY", ""),
    "balance row changed": ("AMOUNT", "wallet"),
    "cash row changed": ("CASH_LEG", "wallet"),
    "posting for nothing": ("MISSING_ON_CHAIN", "wallet"),
    "posting repeated": ("DUPLICATE_POSTING", "tx"),
    "posting of a block that is gone": ("REORG_ORPHANED", "wallet"),
    "posting sent elsewhere": ("WRONG_WALLET", "tx"),
    "posting times ten": ("DECIMALS", "tx"),
    "posting grew": ("AMOUNT", "tx"),
    "log of our transaction without a posting": ("MISSING_IN_BOOKS", "tx"),
    "trade reported without legs": ("DVP_ONE_LEG", "tx"),
    "trade arrived short": ("FEE_NETTING", "tx"),
    "control total changed": ("SUPPLY", ""),
    "binding's decimals changed": ("DECIMALS", ""),
    "intent hangs": ("STALE_INTENT", ""),
    "holder's name lost": ("UNKNOWN_HOLDER", "wallet"),
}


# A state that came and went again leaves two acts to answer for.
TIMES: Mapping[str, int] = {"agent froze a wallet and lifted it": 2}


def names(deeds: Iterable[Done]) -> list[tuple[str, str]]:
    """What a run must raise for all of them, sorted; a deed of its own is a break of its own."""
    return sorted(name for done in deeds for name in [_name(done)] * TIMES.get(done.deed, 1))


def _name(done: Done) -> tuple[str, str]:
    kind, told_by = CALLED[done.deed]
    return kind, {"wallet": done.wallet or "", "tx": done.tx_hash, "": ""}[told_by]


def subject(kind: str, wallet: str | None, tx_hash: str, deeds: Iterable[Done]) -> str:
    """The subject of a break a run raised, told as the deeds of this kind tell theirs."""
    ways = {CALLED[done.deed][1] for done in deeds if CALLED[done.deed][0] == kind}
    known = {_name(done)[1] for done in deeds if CALLED[done.deed][0] == kind}
    if "tx" in ways and tx_hash in known:
        return tx_hash
    if "wallet" in ways and wallet in known:
        return str(wallet)
    return "" if "" in ways else f"unforeseen: {wallet} {tx_hash}"
