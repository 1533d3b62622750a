"""Command streams for the matching tests: few ids, parties and prices, so that everything collides."""

import random
from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st

from apps.dex.matching import Cancel, Command, Instrument, NewOrder, SelfTradePrevention, Side, TimeInForce

INSTRUMENT = Instrument(tick=10, lot=100, min_quantity=200, max_quantity=1_000, quantity_scale=500)

PARTIES = ["ann", "bob", "cyd"]

# An id belongs to a party, so that most cancels find their order; one in six is used by any.
_numbers = st.integers(1, 30)
_owned = _numbers.map(lambda number: (f"order-{number}", PARTIES[number % 3]))
_foreign = st.tuples(_numbers.map(lambda number: f"order-{number}"), st.sampled_from(PARTIES))
identities = st.one_of(*[_owned] * 5, _foreign)
# One in eight is off the tick or the lot, or outside the bounds.
prices = st.one_of(*[st.integers(98, 102).map(lambda ticks: ticks * 10)] * 7, st.sampled_from([-10, 0, 5, 1_005]))
quantities = st.one_of(
    *[st.integers(2, 10).map(lambda lots: lots * 100)] * 7, st.sampled_from([-200, 0, 100, 250, 1_100])
)

new_orders = st.builds(
    lambda identity, *terms: NewOrder(*identity, *terms),
    identities,
    st.sampled_from(Side),
    prices,
    quantities,
    st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC]),
    st.sampled_from([SelfTradePrevention.NEWEST, SelfTradePrevention.NEWEST, SelfTradePrevention.NONE]),
)
cancels = identities.map(lambda identity: Cancel(*identity))
_commands = st.one_of(new_orders, new_orders, new_orders, cancels)
# Hypothesis prefers short lists: the long ones are where books grow, the short ones where failures shrink.
streams = st.one_of(st.lists(_commands, max_size=10), st.lists(_commands, min_size=25, max_size=80))

colliding = settings(max_examples=60, derandomize=True, deadline=None, database=None)


def random_commands(count: int, *, seed: int) -> Iterator[Command]:
    """Valid orders around a wandering price, some through many levels, a third later cancelled by their owners."""
    rng = random.Random(seed)
    middle, owners = 100_000, {}
    for number in range(count):
        if owners and rng.random() < 0.3:
            order_id = rng.choice(list(owners)[-400:])
            yield Cancel(order_id, owners.pop(order_id))
            continue
        middle += rng.choice([-10, 0, 10])
        side, order_id, party = rng.choice(list(Side)), f"order-{number}", f"party-{rng.randrange(20)}"
        sweeps = rng.random() < 0.1
        distance = -25 if sweeps else rng.randrange(-3, 25)
        lots = 10 if sweeps else rng.randrange(2, 6)
        kind = TimeInForce.IOC if rng.random() < 0.1 else TimeInForce.GTC
        owners[order_id] = party
        yield NewOrder(order_id, party, side, middle + distance * (-10 if side is Side.BUY else 10), lots * 100, kind)
