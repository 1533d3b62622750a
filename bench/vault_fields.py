"""Values of 16 to 64 bytes encrypted and decrypted a second, on one core.

Ours: through the model's descriptor, as a save and a read do it, the database left out: assign, seal for the row under
its subject's key, take the ciphertext as if it had been read, open. Rows of 100 subjects, whose keys the keyring holds.
Peer: the AWS Encryption SDK with a raw AES key, each value bound to its table, column and row by its context.
"""

import random
import string
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import uuid4

from bench.books import fresh_books, set_up

NAME = "vault.fields"
ROUNDS, OURS, PEER, SUBJECTS = 5, 50_000, 300, 100
BAR, RATIO_BAR, OVERHEAD_BAR = 50_000, 20, 80


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """The median rates, their ratio, and what each adds to a value."""
    set_up()
    from bench.peers.aws_encryption import RawKey
    from bench.rows.sealed import Sheltered

    texts = ["".join(random.choices(string.ascii_letters, k=16 + n % 49)) for n in range(OURS)]
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    with fresh_books():
        subjects = [uuid4() for _ in range(SUBJECTS)]
        rows = [Sheltered(party_id=subjects[n % SUBJECTS]) for n in range(OURS)]
        _ours(rows[: 2 * SUBJECTS], texts)
        key = RawKey()
        for number in range(1, ROUNDS + 1):
            rates["ours"].append(OURS / _ours(rows, texts))
            rates["peer"].append(PEER / _peer(key, texts[:PEER]))
            say(f"round {number}/{ROUNDS}: {rates['ours'][-1]:,.0f} and {rates['peer'][-1]:,.0f} values/s")
        overhead = len(vars(rows[0])["name"].ciphertext) - len(texts[0])
    ours, peer = (median(taken) for taken in rates.values())
    ratio = ours / peer
    return {
        "ours": round(ours),
        "peer": round(peer),
        "ratio": round(ratio, 1),
        "overhead_bytes": overhead,
        "peer_overhead_bytes": len(key.encrypt(b"x" * 32, _place(0))) - 32,
        "bar": f">= {BAR}/s, ratio >= {RATIO_BAR}, overhead <= {OVERHEAD_BAR} bytes",
        "met": ours >= BAR and ratio >= RATIO_BAR and overhead <= OVERHEAD_BAR,
        "unit": "values/s",
    }


def _ours(rows: list[Any], texts: list[str]) -> float:
    """Seconds of one core: others may be busy on this machine."""
    field = type(rows[0])._meta.get_field("name")
    began = time.process_time()
    for row, text in zip(rows, texts, strict=False):
        row.name = text
        stored = field.get_db_prep_save(field.pre_save(row, add=True), None)
        row.name = field.from_db_value(stored, None, None)
        if row.name != text:
            raise RuntimeError("a value did not come back")
    return time.process_time() - began


def _peer(key: Any, texts: list[str]) -> float:
    began = time.process_time()
    for number, text in enumerate(texts):
        place = _place(number)
        if key.decrypt(key.encrypt(text.encode(), place), place).decode() != text:
            raise RuntimeError("a value did not come back")
    return time.process_time() - began


def _place(number: int) -> dict[str, str]:
    return {"table": "bench.bench_sheltered", "column": "name", "row": str(number)}
