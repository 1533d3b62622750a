"""Proofs of positions: how fast a run is attested, proofs are given, and a core verifies them.

A real ERC-3643 token on a node of its own, its balances written into its storage (which is not measured), and the same
holders in the ledger. Ours: `attest()` proves, signs and keeps every position once; `position_proof()` gives files from
what is kept; verifier.py's own functions check them, here and not in a process each, on one thread.

- `verified`: from the block hash to the balance (header, account, storage) and from the leaf to the root of positions,
  nothing remembered from one proof to the next. The bar is on this.
- `files`: the whole of `verify()`, with the JSON, its shape and the signature (of one run, so it is verified once).
- Peer: header, account and storage by `rlp` and `trie`, as web3.py's documentation checks eth_getProof. It has no tree
  of positions to check.

Verifying is one thread's work: its rates are by the seconds that a core worked for it, whoever else is on the machine.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.books import fresh_books, set_up
from bench.holders_books import ISIN, write_books
from bench.holders_world import BALANCES, Holders, holders_world
from bench.measure import Sample, stopwatch

NAME = "reconciliation.proofs"
HOLDERS, FILES, ROUNDS = 20_000, 2_000, 3
FILES_ALONE = 300  # verified with their signatures
BAR_RATE, BAR_RATIO = 5_000, 1.0
KEPT = """
    SELECT pg_total_relation_size('reconciliation_storagenode') + pg_total_relation_size('reconciliation_attestation')
"""


def report(say: Callable[[str], None], *, holders: int = HOLDERS) -> dict[str, Any]:
    """What attesting costs, and the median rates of giving and verifying proofs, ours and the peer's."""
    with holders_world(holders) as world:
        set_up()
        with fresh_books():
            run_id = write_books(world)
            attesting, kept = attest_all(world, run_id)
            say(f"attested {attesting.rate:,.0f} positions/s, {kept:,.0f} bytes kept for each")
            giving, files = give(world)
            say(f"given {giving.rate:,.0f} proofs/s of {len(files[0]):,} bytes")
            taken: dict[str, list[Sample]] = {"verified": [], "files": [], "peer": []}
            for number in range(1, ROUNDS + 1):
                for side, work in (("verified", verify_chains), ("files", verify_files), ("peer", verify_peer)):
                    taken[side].append(work(world, files))
                said = ", ".join(f"{side} {samples[-1].rate:,.0f}/s" for side, samples in taken.items())
                say(f"round {number}/{ROUNDS}: {said}, load {os.getloadavg()[0]:.1f}")
    return _found(taken, attesting, kept, giving, len(files[0]))


def _found(
    taken: Mapping[str, Sequence[Sample]], attesting: Sample, kept: float, giving: Sample, size: int
) -> dict[str, Any]:
    rates = {side: median(sample.rate for sample in samples) for side, samples in taken.items()}
    ratio = rates["verified"] / rates["peer"]
    return {
        "positions": attesting.units,
        "attested_per_second": round(attesting.rate),
        "bytes_kept_a_position": round(kept),
        "given_per_second": round(giving.rate),
        "bytes_of_a_proof": size,
        "verified_per_second": round(rates["verified"]),
        "peer_verified_per_second": round(rates["peer"]),
        "ratio": round(ratio, 2),
        "files_with_signature_per_second": round(rates["files"]),
        "load": round(os.getloadavg()[0], 1),
        "bars": {"verified_per_second": BAR_RATE, "ratio": BAR_RATIO},
        "met": rates["verified"] >= BAR_RATE and ratio >= BAR_RATIO,
        "unit": "proofs/s",
    }


def attest_all(world: Holders, run_id: Any) -> tuple[Sample, float]:
    """Every position of the run, and the bytes that its attestation takes in the database, for each position."""
    from apps.chain.services.nodes import default_node
    from apps.core import clock
    from apps.core.db import fetch_one
    from apps.reconciliation.services.attesting import attest

    with default_node() as node, stopwatch() as elapsed:
        found = attest(run_id=run_id, node=node, now=clock.now())
    if found.positions != len(world.units) or found.units != sum(world.units.values()):
        raise RuntimeError("not every position is attested")
    row = fetch_one(KEPT)
    return Sample(found.positions, elapsed()), (row[0] if row else 0) / found.positions


def give(world: Holders) -> tuple[Sample, list[bytes]]:
    """Files of so many positions, evenly spread, as the API answers them."""
    from apps.accounts.types import Role
    from apps.core.actor import Actor
    from apps.reconciliation.selectors.attestations import position_proof

    officer = Actor(user_id=None, party_id=None, roles=frozenset({Role.OPS.value}))
    wallets = list(world.units)[:: max(1, len(world.units) // FILES)][:FILES]
    position_proof(officer, isin=ISIN, wallet_address=wallets[0])  # the tree is made once a process
    with stopwatch() as elapsed:
        files = [position_proof(officer, isin=ISIN, wallet_address=wallet) for wallet in wallets]
    return Sample(len(files), elapsed()), files


@contextmanager
def core_seconds() -> Iterator[Callable[[], float]]:
    """Seconds a core worked for this process, until the block ended."""
    gc.collect()
    began, ended = time.process_time(), 0.0

    def elapsed() -> float:
        return ended - began

    yield elapsed
    ended = time.process_time()


def verify_chains(world: Holders, files: Sequence[bytes]) -> Sample:
    """Ours, but for reading the files and for their signatures. Raises Refused."""
    from apps.reconciliation import verifier

    proofs = [verifier.read(file) for file in files]
    with core_seconds() as elapsed:
        for proof in proofs:
            _require_proven(world, proof)
    return Sample(len(proofs), elapsed())


def _require_proven(world: Holders, proof: dict[str, Any]) -> None:
    from apps.reconciliation import verifier

    said, position = proof["statement"], proof["position"]
    state_root, _ = verifier.state_root_of(_raw(proof["header"]), _raw(world.block_hash))
    account, storage = ([_raw(node) for node in proof[name]] for name in ("account", "storage"))
    storage_root = verifier.storage_root_of(state_root, _raw(said["token"]), account)
    units = verifier.balance_of(storage_root, _raw(said["balances_slot"]), _raw(position["holder"]), storage)
    leaf = verifier.position_leaf(position["holder"], int(position["booked"]), units)
    path = [bytes.fromhex(each) for each in proof["path"]]
    root = verifier.root_by_path(leaf, position["index"], said["positions"], path)
    if units != world.units[position["holder"]] or root.hex() != said["positions_root"]:
        raise RuntimeError("a position is not the one written")


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def verify_files(world: Holders, files: Sequence[bytes]) -> Sample:
    """Ours, files as they are. Raises Refused."""
    from apps.reconciliation.verifier import verify

    with core_seconds() as elapsed:
        found = [verify(file, world.block_hash) for file in files[:FILES_ALONE]]
    if any(world.units[each.holder] != each.units for each in found):
        raise RuntimeError("a position is not the one written")
    return Sample(len(found), elapsed())


def verify_peer(world: Holders, files: Sequence[bytes]) -> Sample:
    """The peer. Raises RuntimeError for a balance that is not the one written."""
    from apps.reconciliation import verifier
    from bench.peers.web3_proofs import proven_balance

    proofs = [verifier.read(file) for file in files]
    with core_seconds() as elapsed:
        for proof in proofs:
            units = proven_balance(proof, world.block_hash, world.token, BALANCES)
            if units != world.units[proof["position"]["holder"]]:
                raise RuntimeError("a position is not the one written")
    return Sample(len(proofs), elapsed())
