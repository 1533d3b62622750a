"""What a signer may send in a period, what one person may have sent, and what needs two."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from django.conf import settings
from django.db.models import Q, QuerySet

from apps.chain.errors import SignerLimit
from apps.chain.models import TxIntent
from apps.chain.types import IntentState, Measure, NewIntent, SignerRole
from apps.core.db import fetch_all, run_sql
from config.security.types.chain import Power

GWEI = 10**9
# A signer, a measure, and the token whose units are counted.
Key = tuple[str, str, str]

READ = """
    SELECT signer_id, measure, token, used FROM chain_signeruse
    WHERE signer_id = ANY(%s) AND started_at > now() - make_interval(secs => %s)
"""
KEEP = """
    INSERT INTO chain_signeruse (signer_id, measure, token, started_at, used, most)
    SELECT signer_id, measure, token, now(), used, most
    FROM unnest(%(signers)s::text[], %(measures)s::text[], %(tokens)s::text[], %(used)s::numeric[],
        %(most)s::numeric[]) a (signer_id, measure, token, used, most)
    ON CONFLICT (signer_id, measure, token) DO UPDATE SET used = EXCLUDED.used, most = EXCLUDED.most,
        started_at = CASE WHEN chain_signeruse.started_at > now() - make_interval(secs => %(period)s)
                          THEN chain_signeruse.started_at ELSE now() END
"""


def power_of(role: str) -> Power:
    """What a role may do."""
    power: Power = getattr(settings.SECURITY.chain.powers, role.lower())
    return power


def needs_two_people(asked: NewIntent) -> bool:
    """Whether what it sends, in wei or in units of a token, is above its signer's four-eyes limit.

    One limit holds for all signers as yet.
    """
    return moves_much(asked.value, asked.units)


def moves_much(value: int, units: int | None) -> bool:
    """Whether so much, in wei or in units of a token, is above the four-eyes limit."""
    policy = settings.SECURITY.chain.sending
    return value > policy.four_eyes_gwei * GWEI or (units or 0) > policy.four_eyes_units


def held_back() -> QuerySet[TxIntent]:
    """What waits since its signer's limits had no room: approved, or a draft that is not above the four-eyes limit."""
    policy = settings.SECURITY.chain.sending
    little = Q(value__lte=policy.four_eyes_gwei * GWEI) & (Q(units=None) | Q(units__lte=policy.four_eyes_units))
    return TxIntent.objects.filter(Q(state=IntentState.APPROVED) | Q(state=IntentState.DRAFT) & little)


def require_within_reach(asked: NewIntent) -> None:
    """Raise SignerLimit for what is more than a whole period allows: nobody could ever let it pass."""
    power = power_of(asked.signer)
    for measure, sent, most in (
        (Measure.WEI, asked.value, power.gwei * GWEI),
        (Measure.UNITS, asked.units or 0, power.units),
    ):
        if sent > most:
            raise SignerLimit(signer=asked.signer.value, measure=measure.value, most=str(most))


class Uses:
    """What signers have used of their limits, for whoever holds their nonces: nobody else changes it meanwhile."""

    def __init__(self, signers: Collection[str]) -> None:
        period = settings.SECURITY.chain.powers.period_seconds
        self._used: dict[Key, int] = defaultdict(int)
        for *key, used in fetch_all(READ, [sorted(signers), period]):
            self._used[key[0], key[1], key[2]] = int(used)

    def has_room(self, intent: TxIntent, besides: Iterable[TxIntent] = ()) -> bool:
        """Whether the intent may be sent in this period, besides those that are not counted yet."""
        wanted = _totals([*besides, intent])
        mine = {key for key, _ in _measures(intent)}
        return all(self._used[key] + wanted[key] <= _most(key) for key in mine)

    def keep(self, intents: Iterable[TxIntent]) -> None:
        """Count those that were given nonces. The database refuses what is above a limit."""
        added = _totals(intents)
        if not added:
            return
        keys = sorted(added)
        used = [self._used[key] + added[key] for key in keys]
        columns = dict(zip(("signers", "measures", "tokens"), map(list, zip(*keys, strict=True)), strict=True))
        period = settings.SECURITY.chain.powers.period_seconds
        run_sql(KEEP, {**columns, "used": used, "most": [_most(key) for key in keys], "period": period})
        self._used.update(zip(keys, used, strict=True))


def _totals(intents: Iterable[TxIntent]) -> dict[Key, int]:
    totals: dict[Key, int] = defaultdict(int)
    for intent in intents:
        for key, number in _measures(intent):
            totals[key] += number
    return totals


def _measures(intent: TxIntent) -> Iterator[tuple[Key, int]]:
    yield (intent.signer_id, Measure.TRANSACTIONS.value, ""), 1
    if intent.value:
        yield (intent.signer_id, Measure.WEI.value, ""), int(intent.value)
    if intent.units and intent.to:
        yield (intent.signer_id, Measure.UNITS.value, intent.to), int(intent.units)


def _most(key: Key) -> int:
    role, measure, _ = key
    power = power_of(SignerRole(role))
    limits = {Measure.TRANSACTIONS: power.transactions, Measure.WEI: power.gwei * GWEI, Measure.UNITS: power.units}
    return limits[Measure(measure)]
