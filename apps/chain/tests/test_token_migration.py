"""Tokens and identities that were there before an upgrade: kept as they are, with what is new of them by default."""

import pytest
from django.db import connections

from apps.chain.models import ChainIdentity, Signer, SignerNonce, TokenBinding
from apps.chain.testing.local_chain import hx
from apps.chain.tests.stage import NOW
from apps.chain.types import BindingState, ClaimState, SignerRole
from apps.core.db import fetch_all
from apps.core.ids import new_id
from apps.core.testing.databases import migrate

ISIN, PENDING = "US0378331005", "US5949181045"
KEPT = "isin, name, decimals, state, address, identity_registry, deploy_block"


def bindings() -> list[tuple[object, ...]]:
    return fetch_all(f"SELECT {KEPT} FROM chain_tokenbinding ORDER BY isin")


class TestTheMigration:
    @pytest.mark.soak  # half a minute: every migration since then, there and back
    def test_keeps_tokens_identities_and_signers_both_ways(self, books: str) -> None:
        TokenBinding.objects.create(
            isin=ISIN, name="A", symbol="A", decimals=2, state=BindingState.LIVE, address=hx(1),
            identity_registry=hx(2), deploy_block=5, created_at=NOW, live_at=NOW,
        )  # fmt: skip
        TokenBinding.objects.create(isin=PENDING, name="B", symbol="B", decimals=0, created_at=NOW)
        ChainIdentity.objects.create(
            wallet_address=hx(3), party_key=new_id(), country=840, identity=hx(4), created_at=NOW,
            claim_state=ClaimState.CLAIMING,
        )  # fmt: skip
        signer = Signer.objects.create(role=SignerRole.AGENT, address=hx(5), created_at=NOW)
        SignerNonce.objects.create(signer=signer, next=7)
        before = bindings()
        connections.close_all()
        migrate(books, "chain", "0007")
        assert bindings() == before
        connections.close_all()
        migrate(books, "chain", "0011")
        assert bindings() == before
        first, second = TokenBinding.objects.order_by("isin")
        assert (first.standard, first.folds, first.valid_from_block, first.valid_to_block, first.agents) == (
            "ERC3643", "TRANSFER", None, None, [],
        )  # fmt: skip
        assert first.pk != second.pk
        assert ChainIdentity.objects.get().claim_state == ClaimState.CLAIMING
        assert SignerNonce.objects.get().next == 7
        TokenBinding.objects.create(isin="US0231351067", name="C", symbol="C", decimals=0, created_at=NOW)
