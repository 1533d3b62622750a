"""What a token is on the chain beside what our approved transactions made of it: frozen, paused, verified, counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.types import BreakKind, Finding


@dataclass(frozen=True, slots=True)
class Act:
    """Who last changed a state on the chain, where an event says so."""

    tx_hash: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Frozen:
    """Units of a wallet that are frozen, and whether the wallet is as a whole."""

    units: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What our books make of the token's states, and the last act that changed each.

    `frozen` and `paused` are what our own transactions left; `verified` are wallets we had registered with a final
    claim, None where the token's registry is not ours to keep; `decimals` by whom they are kept.
    """

    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    paused: bool | None = None
    verified: frozenset[str] | None = None
    decimals: Mapping[str, int] = field(default_factory=dict)
    acts: Mapping[str, Act] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Actual:
    """What the chain says. What was not asked is left out; what could not be read is no state but a problem."""

    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    paused: bool | None = None
    verified: Mapping[str, bool] = field(default_factory=dict)
    decimals: int | None = None


def state_findings(expected: Expected, actual: Actual, held: Unit) -> Iterator[Finding]:
    """A break for each state that differs."""
    yield from _frozen(expected, actual, held)
    if actual.paused is not None and expected.paused is not None and actual.paused != expected.paused:
        yield _paused(expected, held, paused=actual.paused)
    if expected.verified is not None:
        yield from _verified(expected, expected.verified, actual, held)
    yield from _decimals(expected, actual, held)


def _frozen(expected: Expected, actual: Actual, held: Unit) -> Iterator[Finding]:
    for wallet in sorted({*expected.frozen, *actual.frozen}):
        here, there = expected.frozen.get(wallet, Frozen()), actual.frozen.get(wallet, Frozen())
        if here == there:
            continue
        act = expected.acts.get(f"frozen:{wallet}")
        yield Finding(
            kind=BreakKind.FROZEN_STATE,
            identity=f"{held.asset}:frozen:{wallet}",
            message=f"Wallet {wallet}: {_say(here, held)} by what we approved, {_say(there, held)} on the chain."
            + _by(act),
            asset=held.asset,
            decimals=held.decimals,
            wallet_address=wallet,
            books=here.units,
            chain=there.units,
            tx_hash=act.tx_hash if act else "",
            details={"wallet_frozen_in_books": here.whole, "wallet_frozen_on_chain": there.whole},
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
            identity=f"{held.asset}:identity:{wallet}",
            message=f"Wallet {wallet} {said}.{_by(act)}",
            asset=held.asset,
            decimals=held.decimals,
            wallet_address=wallet,
            tx_hash=act.tx_hash if act else "",
            details={"verified_in_books": here, "verified_on_chain": there},
        )


def _decimals(expected: Expected, actual: Actual, held: Unit) -> Iterator[Finding]:
    kept = dict(expected.decimals) | ({"token": actual.decimals} if actual.decimals is not None else {})
    if len(set(kept.values())) > 1:
        said = ", ".join(f"{who} {number}" for who, number in sorted(kept.items()))
        yield Finding(
            kind=BreakKind.DECIMALS,
            identity=f"{held.asset}:decimals",
            message=f"The decimals of {held.asset} are not the same everywhere: {said}.",
            asset=held.asset,
            decimals=held.decimals,
            details=dict(sorted(kept.items())),
        )
