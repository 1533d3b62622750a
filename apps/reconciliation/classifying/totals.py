"""The issued control total and the token's own supply beside what its logs add up to."""

from collections.abc import Iterable, Iterator

from apps.reconciliation.classifying.causes import Cause
from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.types import BreakKind, Finding

ISSUED, STORED = "ISSUED", "STORED"


def supply_findings(
    *, issued: int | None, events: int, stored: int | None, causes: Iterable[Cause], held: Unit
) -> Iterator[Finding]:
    """What no cause explains: minted and not issued here, or a supply the token's own logs do not add up to.

    `issued` is None where no control total is kept here: the token is another's. `stored` is totalSupply(), None where
    it could not be read: then nothing is concluded from it.
    """
    explained = sum(cause.supply for cause in causes)
    if issued is not None and events - issued != explained:
        yield _finding(ISSUED, "the issued control total is", issued, events, held, explained)
    if stored is not None and stored != events:
        yield _finding(STORED, "the stored final events add up to", events, stored, held, 0)


def _finding(side: str, what: str, expected: int, actual: int, held: Unit, explained: int) -> Finding:
    message = f"{held.asset}: {what} {held.say(expected)}, the token's supply is {held.say(actual)}."
    if explained:
        message += f" Other breaks explain {held.say(explained)} of the difference."
    return Finding(
        kind=BreakKind.SUPPLY,
        identity=f"{held.asset}:supply:{side}",
        message=message,
        asset=held.asset,
        decimals=held.decimals,
        books=expected if side == ISSUED else None,
        events=None if side == ISSUED else expected,
        chain=actual,
        details={"compared": side},
    )
