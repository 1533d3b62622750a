"""Scenario 17: a token registered late is backfilled from its deploy block, and held against its storage, first."""

from datetime import timedelta

import pytest

from apps.chain.errors import NoSuchToken, TokenBound, TokenMismatch
from apps.chain.models import TokenBinding, TokenCheck, WatchedContract
from apps.chain.selectors import blocks, holders, holdings
from apps.chain.selectors import tokens as read
from apps.chain.selectors.logs import is_covered
from apps.chain.services.tokens import check_token, register_token
from apps.chain.testing import ChainPlatform
from apps.chain.testing.local_chain import hx
from apps.chain.tests.scenarios.found_tokens import (
    ALICE,
    BOB,
    CAROL,
    ONE,
    OTHER,
    Found,
    deployed,
    register,
    settle_down,
    states_until_quiet,
)
from apps.chain.types import TOKEN_LIVE, BindingState, Folds, TokenStandard
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.errors import InvalidValue
from apps.core.models import Alert, OutboxEvent
from apps.core.types import Severity
from apps.securities.tests.factories import make_security

WAY = [BindingState.BACKFILLING, BindingState.CHECKING, BindingState.DEPLOYED, BindingState.LIVE]


def held(token: str) -> dict[str, int]:
    """Balances folded up to the last final block, the same by both folds."""
    fold = holdings.fold(token, blocks.final_head().number)
    assert fold.by_wallet == holders.held_at_final(token).by_wallet
    return dict(fold.by_wallet)


def went_live(isin: str) -> int:
    return OutboxEvent.objects.filter(topic=TOKEN_LIVE, key=isin).count()


@pytest.fixture(scope="class")
def late(chain_platform: ChainPlatform) -> Found:
    """A token with a past that the stream has gone by."""
    chain_platform.run_until_quiet()
    chain_platform.mine(7)
    found = deployed(chain_platform, "LayoutOne")
    for number in range(1, 6):
        found.mint(hx(0xAA00 + number), number)
        chain_platform.mine(3)
    settle_down(chain_platform)
    return found


class TestAToken:
    def test_17_of_which_no_log_is_stored_is_not_live(self, late: Found) -> None:
        binding = register(late, "Upgradeable")
        assert (binding.state, binding.standard, binding.deploy_block, binding.decimals) == (
            BindingState.BACKFILLING, TokenStandard.ERC20, late.block, 0,
        )  # fmt: skip
        assert WatchedContract.objects.get(address=late.address).from_block == late.block
        assert not is_covered(late.address)
        assert binding.isin not in [live.isin for live in read.live_bindings()]

    def test_17_is_live_once_its_past_is_stored_and_equals_its_storage(self, late: Found) -> None:
        isin = TokenBinding.objects.get(address=late.address).isin
        assert states_until_quiet(late.platform, isin) == WAY
        assert held(late.address) == {hx(0xAA00 + number): number for number in range(1, 6)}
        check = TokenCheck.objects.get(binding__isin=isin)
        assert (check.holders, check.differing, check.unread, check.folds) == (5, 0, 0, Folds.TRANSFER)
        assert read.binding(isin).is_ours is False
        assert isin in [live.isin for live in read.live_bindings()]
        assert went_live(isin) == 1

    def test_17_registered_again_changes_nothing(self, late: Found) -> None:
        before = read.binding(TokenBinding.objects.get(address=late.address).isin)
        upper = "0x" + late.address[2:].upper()
        again = register(late, "", isin=before.isin, address=upper, name=" upgradeable ")
        assert again == before
        with pytest.raises(TokenBound):
            register(late, "Upgradeable")
        assert TokenBinding.objects.filter(address=late.address).count() == 1


@pytest.fixture(scope="class")
def found(chain_platform: ChainPlatform) -> Found:
    chain_platform.run_until_quiet()
    found = deployed(chain_platform, "LayoutOne")
    chain_platform.mine(5)
    settle_down(chain_platform)
    return found


class TestATokenThatDoesNotFit:
    def test_17_is_refused_with_what_differs_and_nothing_is_written(self, found: Found) -> None:
        said = [
            ({"name": "Another"}, "name"),
            ({"standard": TokenStandard.ERC1400}, "standard"),
            ({"deploy_block": found.block + 1}, "deploy_block"),
        ]
        for wrong, what in said:
            with pytest.raises(TokenMismatch) as refused:
                register(found, "Upgradeable", **wrong)
            assert refused.value.context["what"] == what
        decimals = make_security(
            name="Upgradeable", quantity_decimals=2, terms={"tick": 100_000, "lot": 100, "min_quantity": 100}
        )
        with pytest.raises(TokenMismatch) as refused:
            register_token(
                actor=system_actor(),
                node=found.platform.node,
                isin=decimals.isin,
                address=found.address,
                now=clock.now(),
            )
        assert (refused.value.context["expected"], refused.value.context["found"]) == ("2", "0")
        assert not TokenBinding.objects.filter(address=found.address).exists()
        assert not WatchedContract.objects.filter(address=found.address).exists()

    def test_17_is_refused_where_nothing_is_deployed(self, found: Found) -> None:
        with pytest.raises(NoSuchToken):
            register(Found(found.platform, hx(0xEEEE), 1), "Upgradeable")
        with pytest.raises(InvalidValue):
            register(found, "Upgradeable", address=found.address[:-1])

    def test_17_is_refused_where_it_says_itself_that_it_is_an_erc721(self, found: Found) -> None:
        art = deployed(found.platform, "HonestCollectible")
        settle_down(found.platform)
        with pytest.raises(TokenMismatch) as refused:
            register(art, "Collectible")
        assert refused.value.context["what"] == "standard"


class TestAnErc1400Token:
    @pytest.mark.parametrize(
        ("transfers", "talkative", "folds", "checks"),
        [(True, False, Folds.TRANSFER, 1), (True, True, Folds.PARTITION, 2), (False, False, Folds.PARTITION, 2)],
        ids=["says-both", "says-too-many-transfers", "says-no-transfers"],
    )
    def test_17_is_folded_from_the_family_that_equals_its_storage(
        self, chain_platform: ChainPlatform, transfers: bool, talkative: bool, folds: Folds, checks: int
    ) -> None:
        chain_platform.run_until_quiet()
        token = deployed(chain_platform, "PartitionedToken", transfers, talkative)
        token.issue(ALICE, 100)
        token.issue(BOB, 7)
        token.do("operatorTransferByPartition(bytes32,address,address,uint256)", ONE, ALICE, CAROL, 30)
        token.do("operatorRedeemByPartition(bytes32,address,uint256)", ONE, BOB, 2)
        token.do("changePartition(bytes32,bytes32,address,uint256)", ONE, OTHER, ALICE, 4)
        settle_down(chain_platform)
        binding = register(token, "Partitioned")
        assert (binding.standard, binding.deploy_block) == (TokenStandard.ERC1400, token.block)
        assert states_until_quiet(chain_platform, binding.isin) == WAY
        assert read.binding(binding.isin).folds == folds
        assert TokenCheck.objects.filter(binding__isin=binding.isin).count() == checks
        assert held(token.address) == {ALICE: 70, BOB: 5, CAROL: 30}
        token.issue(BOB, 1)
        settle_down(chain_platform)
        assert held(token.address) == {ALICE: 70, BOB: 6, CAROL: 30}
        assert holders.held_at_final(token.address).supply == 106

    def test_17_is_never_live_while_no_family_equals_its_storage(self, chain_platform: ChainPlatform) -> None:
        chain_platform.run_until_quiet()
        token = deployed(chain_platform, "PartitionedToken", True, True)
        token.issue(ALICE, 100)
        token.do("makeSilently(address,uint256)", ALICE, 5)
        settle_down(chain_platform)
        isin = register(token, "Partitioned").isin
        assert states_until_quiet(chain_platform, isin) == WAY[:2]
        checks = TokenCheck.objects.filter(binding__isin=isin).order_by("id")
        assert [check.folds for check in checks] == [Folds.TRANSFER, Folds.PARTITION]
        for check in checks:
            assert check.differences == [
                {"who": ALICE, "folded": "100", "stored": "105"},
                {"who": "supply", "folded": "100", "stored": "105"},
            ]
        alert = Alert.objects.get(dedup_key=f"chain.check:{isin}")
        assert (alert.severity, alert.resolved_at, ALICE in alert.summary) == (Severity.ERROR, None, False)
        assert went_live(isin) == 0

        # The token tells of the missing units after all.
        token.do("changePartition(bytes32,bytes32,address,uint256)", ONE, OTHER, ALICE, 5)
        settle_down(chain_platform)
        chain_platform.step("ingester", later=timedelta(minutes=2))
        assert states_until_quiet(chain_platform, isin)[-1] == BindingState.LIVE
        alert.refresh_from_db()
        assert alert.resolved_at is not None
        assert held(token.address) == {ALICE: 105}


class TestCheck:
    def test_17_of_an_older_final_block_is_made_of_the_storage_of_then(self, chain_platform: ChainPlatform) -> None:
        chain_platform.run_until_quiet()
        token = deployed(chain_platform, "LayoutOne")
        token.mint(ALICE, 3)
        then = chain_platform.node.call("eth_getBlockByNumber", "latest", False)["hash"]
        token.mint(BOB, 4)
        settle_down(chain_platform)
        states_until_quiet(chain_platform, register(token, "Upgradeable").isin)
        check = check_token(node=chain_platform.node, token=token.address, block_hash=then)
        assert (check.passed, check.holders) == (True, 1)
        last = check_token(node=chain_platform.node, token=token.address, block_hash=blocks.final_head().hash)
        assert (last.passed, last.holders) == (True, 2)
