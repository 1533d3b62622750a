"""Transactions a second through one local signer, from a business fact's commit to the block.

Four processes write intents (`approve` of the payment token, each with its nonce, its event expected): 25 a commit,
which measures the sender, and in a round of its own one a commit, where the writers need more of the machine than it.
Sender and ingester run as `manage.py run_engines` runs them, at a node that mines a block
a second. The clock runs from the first commit until the last is MINED; ends are awaited after it. Then nonces must be
dense on the chain and in the books, and every intent FINAL with one set of signed bytes. The window of transactions on
their way is that of a node of one's own: a public pool's 64 would measure the pool.

Peer, in turn with ours: the usual loop of web3.py, which asks, signs, sends and commits a row for one transaction
after the other, then asks for the receipts one by one.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from multiprocessing import get_context
from statistics import median
from typing import TYPE_CHECKING, Any

from apps.core.devstack.anvil import private_node
from bench.books import fresh_books, set_up
from bench.chain_lag import running
from bench.measure import Sample

if TYPE_CHECKING:
    from apps.chain.types import NewIntent

NAME = "chain.send"
INTENTS, ROUNDS, WRITERS, PEER = 6_000, 3, 4, 600
IN_FLIGHT, TOGETHER = 2_000, 25
GAS, BAR_RATE = 60_000, 300
PATIENCE_SECONDS = 180.0
PEER_ACCOUNT = 5
PASSED = """
    SELECT EXTRACT(EPOCH FROM max(at) FILTER (WHERE e.state = 'NONCED') - min(at)),
        EXTRACT(EPOCH FROM max(at) FILTER (WHERE e.state = 'MINED') - min(at)),
        EXTRACT(EPOCH FROM max(at) FILTER (WHERE e.state = 'FINAL') - min(at))
    FROM chain_txintentevent e JOIN chain_txintent i ON i.id = e.intent_id WHERE i.kind = %s
"""
LATENCY = """
    SELECT percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM done.at - begun.at))
    FROM chain_txintent i
    JOIN chain_txintentevent begun ON begun.intent_id = i.id AND begun.state = 'NONCED'
    JOIN chain_txintentevent done ON done.intent_id = i.id AND done.state = %s
    WHERE i.kind = %s
"""
LATENCIES = ("mined_p50", "mined_p99", "final_p50", "final_p99")
WHOLE = """
    SELECT count(*), count(*) FILTER (WHERE i.state = 'FINAL'), count(DISTINCT i.tx_hash),
        (SELECT count(*) FROM chain_txattempt a JOIN chain_txintent s ON s.id = a.intent_id WHERE s.kind = %s),
        max(i.nonce) - min(i.nonce) + 1, (SELECT next FROM chain_signernonce WHERE signer_id = 'AGENT')
    FROM chain_txintent i WHERE i.kind = %s
"""


@dataclass(frozen=True)
class Sent:
    """What a round of ours took: from the first commit to the last commit, the last MINED and the last FINAL."""

    intents: int
    submitted: float
    mined: float
    final: float
    latencies: dict[str, float]

    @property
    def rate(self) -> float:
        """Intents mined a second."""
        return self.intents / self.mined


def report(say: Callable[[str], None], *, intents: int = INTENTS, rounds: int = ROUNDS) -> dict[str, Any]:
    """The median rates of ours and of the peer, and how long one takes."""
    with private_node(block_time=1, slots_in_an_epoch=1) as url:
        os.environ["CHAIN_RPC_URL"] = url
        set_up()
        together: list[Sent] = []
        alone: list[Sent] = []
        peers: list[Sample] = []
        with fresh_books():
            token = _deployed()
            with _running(), get_context("spawn").Pool(WRITERS, set_up) as writers:
                say(f"the platform is deployed, load {os.getloadavg()[0]:.1f}")
                for number in range(1, rounds + 1):
                    together.append(_send(writers, token, f"{NAME} {number} together", intents, TOGETHER))
                    alone.append(_send(writers, token, f"{NAME} {number} alone", intents, 1))
                    peers.append(_as_usual(url, token))
                    said = ", ".join(f"{one.rate:,.0f}/s" for one in (together[-1], alone[-1]))
                    say(f"round {number}/{rounds}: {TOGETHER} a commit and one: {said}; peer {peers[-1].rate:,.0f}/s")
    return _found(together, alone, peers)


def _found(together: list[Sent], alone: list[Sent], peers: list[Sample]) -> dict[str, Any]:
    rate, peer = median(one.rate for one in together), median(one.rate for one in peers)
    return {
        "intents": together[0].intents,
        "a_commit": TOGETHER,
        "submitted_per_second": round(median(one.intents / one.submitted for one in together)),
        "mined_per_second": round(rate),
        "final_per_second": round(median(one.intents / one.final for one in together)),
        "one_a_commit_mined_per_second": round(median(one.rate for one in alone)),
        "peer_mined_per_second": round(peer),
        "ratio": round(rate / peer, 1),
        **{f"one_a_commit_{name}": round(median(one.latencies[name] for one in alone), 2) for name in LATENCIES},
        "load": round(os.getloadavg()[0], 1),
        "bar_mined_per_second": BAR_RATE,
        "met": rate >= BAR_RATE,
        "unit": "intents/s, s",
    }


def _deployed() -> str:
    """Deploy the platform; the payment token's address."""
    from django.core.management import call_command

    from apps.chain.selectors.contracts import addresses

    call_command("deploy_contracts", stdout=StringIO())
    return addresses()["payment_token"]


@contextmanager
def _running() -> Iterator[None]:
    """Sender and ingester run as `manage.py run_engines` runs them, with the window of a node of one's own."""
    from django.conf import settings
    from django.test.utils import override_settings

    from apps.chain.engines.ingester import Ingester
    from apps.chain.engines.sender import Sender

    chain = settings.SECURITY.chain
    chain = replace(chain, sending=replace(chain.sending, in_flight=IN_FLIGHT))
    with (
        override_settings(SECURITY=replace(settings.SECURITY, chain=chain)),
        running(Sender()),
        running(Ingester()),
    ):
        yield


def _database() -> str:
    from django.db import connection

    return str(connection.settings_dict["NAME"])


def _send(writers: Any, token: str, kind: str, intents: int, at_once: int) -> Sent:
    """Submit so many at once from all writers; what became of them. Raises RuntimeError unless all is whole."""
    from apps.core.db import fetch_all

    shares = [range(number + 1, intents + 1, WRITERS) for number in range(WRITERS)]
    writers.starmap(_submit, [(_database(), token, kind, share, at_once) for share in shares], chunksize=1)
    _await_ends(kind, intents)
    _require_whole(kind, intents)
    ((submitted, mined, final),) = fetch_all(PASSED, [kind])
    latencies = {}
    for state in ("MINED", "FINAL"):
        (((p50, p99),),) = fetch_all(LATENCY, [state, kind])
        latencies |= zip((f"{state.lower()}_p50", f"{state.lower()}_p99"), (float(p50), float(p99)), strict=True)
    return Sent(intents, float(submitted), float(mined), float(final), latencies)


def _submit(database: str, token: str, kind: str, numbers: range, at_once: int) -> None:
    """A process: intents of these numbers, so many a commit, into the books of this name."""
    from apps.core.testing import databases

    with databases.in_force(database):
        for at in range(0, len(numbers), at_once):
            _submit_together(token, kind, numbers[at : at + at_once])


def _submit_together(token: str, kind: str, numbers: Sequence[int]) -> None:
    from apps.chain.services.intents import submit_many
    from apps.chain.testing.powers import anything
    from apps.core import clock
    from apps.core.db import unit_of_work

    with anything(), unit_of_work():
        submit_many(intents=[_approval(token, kind, number) for number in numbers], now=clock.now())


def _approval(token: str, kind: str, units: int) -> "NewIntent":
    from apps.chain.calls import approve, topic_of
    from apps.chain.types import ExpectedEvent, NewIntent, SignerRole

    approved = topic_of("Approval(address,address,uint256)")
    return NewIntent(
        signer=SignerRole.AGENT,
        to=token,
        data=approve(f"0x{units:040x}", units),
        kind=kind,
        business_key=f"{kind} {units}",
        gas_limit=GAS,
        expect=ExpectedEvent(approved, token, data=units.to_bytes(32, "big")),
    )


def _await_ends(kind: str, intents: int) -> None:
    from apps.chain.models import TxIntent
    from apps.chain.types import ENDED

    deadline = time.monotonic() + PATIENCE_SECONDS
    while (ended := TxIntent.objects.filter(kind=kind, state__in=ENDED).count()) < intents:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{intents - ended} intents have not ended after {PATIENCE_SECONDS} s")
        time.sleep(0.5)


def _require_whole(kind: str, intents: int) -> None:
    """Raise RuntimeError unless each was sent once, its nonces are dense, and the chain has all of them."""
    from apps.chain.models import Signer
    from apps.chain.services.nodes import default_node
    from apps.core.db import fetch_one

    *found, following = fetch_one(WHOLE, [kind, kind]) or ()
    if found != [intents] * 5:
        raise RuntimeError(f"intents, final, hashes, attempts, nonces: {found}, not {intents} of each")
    with default_node() as node:
        at = int(node.call("eth_getTransactionCount", Signer.objects.get(pk="AGENT").address, "latest"), 16)
    if at != following:
        raise RuntimeError(f"the chain is at nonce {at}, the books at {following}")


def _as_usual(url: str, token: str) -> Sample:
    """The peer: the same calls, each asked for, signed, sent and written down before the next."""
    from django.db import connection, connections

    from apps.chain.signers.development import development_key
    from bench.peers.web3_send import MAKE, send_approvals

    with connections["owner"].cursor() as cursor:
        cursor.execute(MAKE)
    settings = connection.get_connection_params()
    database = {name: settings[name] for name in ("host", "port", "dbname", "user", "password") if name in settings}
    began = time.perf_counter()
    send_approvals(url=url, token=token, key=development_key(PEER_ACCOUNT), count=PEER, gas=GAS, database=database)
    return Sample(PEER, time.perf_counter() - began)
