"""What a token is on the chain beside what our approved transactions made of it: frozen, paused, verified, counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.types import BreakKind, Finding

CODE = "code"  # subject of an act after which other code may run at the token's address


@dataclass(frozen=True, slots=True)
class Act:
    """Who last changed a state on the chain, where an event says so."""

    tx_hash: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Untraced:
    """An event of the token that no transaction of ours caused, and the state it concerns."""

    subject: str
    event: str
    wallet: str | None
    amount: int | None
    tx_hash: str
    block_hash: str
    block_number: int
    log_index: int


@dataclass(frozen=True, slots=True)
class Frozen:
    """Units of a wallet that are frozen, and whether the wallet is as a whole."""

    units: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What our books make of the token's states, and the last act that changed each.

    `frozen` and `paused` are what our own transactions left; `verified` are wallets we had registered with a final
    claim, None where the token's registry is not ours to keep; `decimals` by whom they are kept, the cash asset's too.
    """

    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    paused: bool | None = None
    verified: frozenset[str] | None = None
    decimals: Mapping[str, int] = field(default_factory=dict)
    cash_decimals: Mapping[str, int] = field(default_factory=dict)
    acts: Mapping[str, Act] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Actual:
    """What the chain says. What was not asked is left out; what could not be read is no state but a problem.

    `frozen` by the final events, `stored_frozen` by the token's own answers: None where it was not asked.
    """

    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    stored_frozen: Mapping[str, Frozen] | None = None
    paused: bool | None = None
    verified: Mapping[str, bool] = field(default_factory=dict)
    decimals: int | None = None
    cash_decimals: int | None = None


def state_findings(expected: Expected, actual: Actual, held: Unit) -> Iterator[Finding]:
    """A break for each state that differs."""
    yield from _frozen(expected, actual, held)
    if actual.paused is not None and expected.paused is not None and actual.paused != expected.paused:
        yield _paused(expected, held, paused=actual.paused)
    if expected.verified is not None:
        yield from _verified(expected, expected.verified, actual, held)
    yield from decimals_findings(expected.decimals, actual.decimals, held, f"{held.asset}:decimals")


def _frozen(expected: Expected, actual: Actual, held: Unit) -> Iterator[Finding]:
    """Freezes that nobody here approved, and such as the token knows without an event."""
    by_us, by_events = "by what we approved", "on the chain"
    for wallet, here, there in _pairs(expected.frozen, actual.frozen):
        yield _frozen_finding(wallet, (here, by_us), (there, by_events), f"frozen:{wallet}", expected, held)
    if actual.stored_frozen is not None:
        for wallet, here, there in _pairs(actual.frozen, actual.stored_frozen):
            sides = (here, "by the stored final events"), (there, "by the token's own storage")
            yield _frozen_finding(wallet, *sides, f"stored:frozen:{wallet}", expected, held)


def _pairs(ours: Mapping[str, Frozen], theirs: Mapping[str, Frozen]) -> Iterator[tuple[str, Frozen, Frozen]]:
    for wallet in sorted({*ours, *theirs}):
        here, there = ours.get(wallet, Frozen()), theirs.get(wallet, Frozen())
        if here != there:
            yield wallet, here, there


def _frozen_finding(
    wallet: str, here: tuple[Frozen, str], there: tuple[Frozen, str], identity: str, expected: Expected, held: Unit
) -> Finding:
    act = expected.acts.get(f"frozen:{wallet}")
    (mine, by_mine), (theirs, by_theirs) = here, there
    return Finding(
        kind=BreakKind.FROZEN_STATE,
        identity=f"{held.asset}:{identity}",
        message=f"Wallet {wallet}: {_say(mine, held)} {by_mine}, {_say(theirs, held)} {by_theirs}.{_by(act)}",
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=wallet,
        books=mine.units,
        chain=theirs.units,
        tx_hash=act.tx_hash if act else "",
        details={"wallet_frozen_in_books": mine.whole, "wallet_frozen_on_chain": theirs.whole},
    )


def _say(state: Frozen, held: Unit) -> str:
    parts = [f"{held.say(state.units)} {held.asset} are frozen"] if state.units else []
    if state.whole:
        parts.append("the wallet is frozen")
    return " and ".join(parts) or "nothing is frozen"


def _by(act: Act | None) -> str:
    if act is None:
        return ""
    who = "a transaction of ours" if act.ours else "no transaction of ours"
    return f" Last changed in transaction {act.tx_hash}, {who}."


def _paused(expected: Expected, held: Unit, *, paused: bool) -> Finding:
    act = expected.acts.get("paused")
    there, here = ("paused", "open") if paused else ("open", "paused")
    return Finding(
        kind=BreakKind.PAUSE_STATE,
        identity=f"{held.asset}:paused",
        message=f"{held.asset} is {there} on the chain and {here} by what we approved.{_by(act)}",
        asset=held.asset,
        decimals=held.decimals,
        tx_hash=act.tx_hash if act else "",
        details={"paused_on_chain": paused},
    )


def _verified(expected: Expected, known: frozenset[str], actual: Actual, held: Unit) -> Iterator[Finding]:
    for wallet, there in sorted(actual.verified.items()):
        here = wallet in known
        if here == there:
            continue
        said = "is registered here with a final claim, and the token's registry does not hold it for verified"
        if there:
            said = "is verified by the token's registry, and not registered here"
        act = expected.acts.get(f"identity:{wallet}")
        yield Finding(
            kind=BreakKind.IDENTITY_STATE,
            identity=f"{held.asset}:stored:identity:{wallet}",
            message=f"Wallet {wallet} {said}.{_by(act)}",
            asset=held.asset,
            decimals=held.decimals,
            wallet_address=wallet,
            tx_hash=act.tx_hash if act else "",
            details={"verified_in_books": here, "verified_on_chain": there},
        )


def decimals_findings(kept: Mapping[str, int], token: int | None, asset: Unit, identity: str) -> Iterator[Finding]:
    """A break if who keeps the decimals of an asset, and its token, do not say the same."""
    said = dict(kept) | ({"token": token} if token is not None else {})
    if len(set(said.values())) > 1:
        told = ", ".join(f"{who} {number}" for who, number in sorted(said.items()))
        yield Finding(
            kind=BreakKind.DECIMALS,
            identity=identity,
            message=f"The decimals of {asset.asset} are not the same everywhere: {told}.",
            asset=asset.asset,
            decimals=asset.decimals,
            details=dict(sorted(said.items())),
        )
