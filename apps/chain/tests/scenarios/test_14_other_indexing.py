"""Scenario 14: the same topic with other indexing is read by its number of topics, else it is a dead letter."""

import pytest

from apps.chain.errors import UndecodedLogs
from apps.chain.models import DeadLetter, TokenCheck
from apps.chain.selectors import blocks, holdings, logs
from apps.chain.selectors import tokens as read
from apps.chain.services.watching import watch
from apps.chain.testing import ChainPlatform
from apps.chain.tests.scenarios.found_tokens import ALICE, deployed, register, settle_down, states_until_quiet
from apps.chain.types import BindingState, ContractKind, Erc721Transfer
from apps.core import clock
from apps.core.db import unit_of_work


class TestAnErc721ThatLooksLikeAnErc20:
    def test_14_registered_as_a_security_is_a_dead_letter_and_never_live(self, chain_platform: ChainPlatform) -> None:
        chain_platform.run_until_quiet()
        art = deployed(chain_platform, "Collectible")
        art.mint(ALICE, 7)
        settle_down(chain_platform)
        isin = register(art, "Collectible").isin
        assert states_until_quiet(chain_platform, isin) == [BindingState.BACKFILLING, BindingState.CHECKING]
        letter = DeadLetter.objects.get(address=art.address)
        assert letter.reason == "Transfer with 4 topics: of a token id, not of an amount"
        with pytest.raises(UndecodedLogs):
            holdings.fold(art.address, blocks.final_head().number)
        assert not TokenCheck.objects.filter(binding__isin=isin).exists()
        assert isin not in [live.isin for live in read.live_bindings()]

    def test_14_that_is_no_security_is_read_as_what_it_is(self, chain_platform: ChainPlatform) -> None:
        chain_platform.run_until_quiet()
        art = deployed(chain_platform, "Collectible")
        with unit_of_work():
            watch(address=art.address, kind=ContractKind.IDENTITY, from_block=art.block, now=clock.now())
        tx_hash = art.do("mint(address,uint256)", ALICE, 7)["transactionHash"]
        settle_down(chain_platform)
        (log,) = logs.logs_of_tx(tx_hash)
        assert log.event == Erc721Transfer("0x" + "00" * 20, ALICE, 7)
        assert not DeadLetter.objects.filter(address=art.address).exists()
