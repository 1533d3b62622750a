"""Logs of hex text become rows of bytes with their movements, and text again the other way."""

import pytest
from django.db import connections
from eth_utils import keccak

from apps.chain.codec import TRANSFER
from apps.chain.models import Block, DeadLetter, LateEffect, RawLog
from apps.chain.testing.local_chain import hx
from apps.chain.tests.stage import ALICE, BOB, NOW
from apps.chain.types import Finality
from apps.core.testing.databases import migrate

FROZEN = "0x" + keccak(text="TokensFrozen(address,uint256)").hex()
TOKEN, TX, APPROVAL = hx(0x70CE), "0x" + "7a" * 32, "0x" + "8c" * 32
OLD = "SELECT log_index, tx_hash, address, topics, data FROM chain_rawlog ORDER BY log_index"
MOVED = "SELECT log_index, token, sender, recipient, amount FROM chain_tokentransfer ORDER BY log_index"


def word(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")


def asked(statement: str) -> list[tuple[object, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def logs() -> list[tuple[object, ...]]:
    names = "log_index", "tx_hash", "address", "topics", "data", "effect", "sender", "recipient", "amount"
    return list(RawLog.objects.order_by("log_index").values_list(*names))


class TestTheMigration:
    @pytest.mark.soak  # half a minute: every migration since then, there and back
    def test_keeps_every_log_and_movement_both_ways(self, books: str) -> None:
        hashes = {"hash": "0x" + "b1" * 32, "parent_hash": TX, "state_root": TX, "receipts_root": TX}
        final = {"finality": Finality.FINAL, "final_by": "TAG"}
        block = Block.objects.create(number=5, timestamp=NOW, logs_bloom=b"", **final, **hashes)
        place = {"block": block, "block_number": 5, "tx_hash": TX, "tx_index": 0, "address": TOKEN}
        topics = [TRANSFER, word(hx(0)), word(ALICE)]
        mint = {"effect": "M", "sender": hx(0), "recipient": ALICE, "amount": 2**256 - 1}
        RawLog.objects.create(**place, log_index=0, topics=topics, data="0x" + "ff" * 32, **mint)
        frozen = {"effect": "F", "recipient": ALICE, "amount": 2**200 + 7}
        data = f"0x{2**200 + 7:064x}"
        RawLog.objects.create(**place, log_index=4, topics=[FROZEN, word(ALICE)], data=data, **frozen)
        RawLog.objects.create(**place, log_index=1, topics=[APPROVAL], data="0x")
        RawLog.objects.create(**place, log_index=2, topics=[], data="0x00")
        late = RawLog.objects.create(**place, log_index=3, topics=topics, data="0x05")
        LateEffect.objects.create(log=late, effect="M", sender=ALICE, recipient=BOB, amount=5)
        DeadLetter.objects.create(
            block=block,
            block_number=5,
            log_index=3,
            address=TOKEN,
            reason="x",
            found_at=NOW,
            resolved_at=NOW,
            end="DECODED",
        )
        before = logs()
        connections.close_all()
        migrate(books, "chain", "0001")
        assert asked(OLD)[:2] == [
            (0, TX, TOKEN, topics, "0x" + "ff" * 32),
            (1, TX, TOKEN, [APPROVAL], "0x"),
        ]
        assert asked(MOVED) == [(0, TOKEN, hx(0), ALICE, 2**256 - 1), (3, TOKEN, ALICE, BOB, 5)]
        connections["owner"].close()
        migrate(books, "chain", "0002")
        # What was read late is a movement of its log as any other now.
        assert logs() == [*before[:3], (*before[3][:5], "M", ALICE, BOB, 5), before[4]]
        assert LateEffect.objects.count() == 0
        connections.close_all()
        migrate(books, "chain")
        assert Block.objects.get().final_by == "TAG"
        letter = DeadLetter.objects.get()
        assert (letter.resolved_at, letter.end, letter.resolved_by) == (NOW, "DECODED", None)
