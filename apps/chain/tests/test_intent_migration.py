"""Transactions that were on their way before an upgrade: what was mined is found again, the rest stays as it is."""

import pytest
from django.db import connections

from apps.chain.models import Signer, TxAttempt, TxIntent, TxIntentEvent
from apps.chain.testing.local_chain import hx
from apps.chain.tests.stage import NOW
from apps.chain.types import AttemptPurpose, IntentState, SignerRole
from apps.core.db import fetch_all
from apps.core.testing.databases import migrate

TX, BLOCK = "0x" + "7a" * 32, "0x" + "b1" * 32
MINED = {"tx_hash": TX, "block_number": 5, "block_hash": BLOCK, "succeeded": True, "gas_used": 21_000}
SHOWN = "state, nonce, tx_hash, block_number, block_hash, succeeded, gas_used, reason"
IN_FLIGHT = [IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST]
ENDED = [IntentState.FINAL, IntentState.REVERTED]


def intents() -> list[tuple[object, ...]]:
    return fetch_all(f"SELECT {SHOWN} FROM chain_txintent ORDER BY nonce")


class TestTheMigration:
    @pytest.mark.soak  # half a minute: every migration since then, there and back
    def test_puts_back_what_was_mined_and_leaves_all_else_both_ways(self, books: str) -> None:
        signer = Signer.objects.create(role=SignerRole.AGENT, address=hx(1), created_at=NOW)
        for nonce, state in enumerate([*IN_FLIGHT, IntentState.MINED, *ENDED]):
            intent = TxIntent.objects.create(
                business_key=state, kind="k", signer=signer, nonce=nonce, data=b"\1", state=state, created_at=NOW,
                **({} if state in IN_FLIGHT else MINED),
            )  # fmt: skip
        TxAttempt.objects.create(
            intent=intent, number=1, purpose=AttemptPurpose.CALL, raw=b"\2", hash=TX, gas_limit=21_000, max_fee=2,
            max_priority_fee=1, created_at=NOW,
        )  # fmt: skip
        before = intents()
        connections.close_all()
        migrate(books, "chain", "0005")
        assert intents() == before
        connections.close_all()
        migrate(books, "chain", "0007")
        again = ("BROADCAST", 3, None, None, None, None, None, "")
        assert intents() == [*before[:3], again, *before[4:]]
        assert not TxIntentEvent.objects.exists()  # what it went through before is not known
        TxIntent.objects.filter(nonce=0).update(state=IntentState.SIGNED)
        assert [event.state for event in TxIntentEvent.objects.all()] == ["SIGNED"]
