"""Scenario 16: once a token's code may have changed, no proof rests on its storage until its layout is verified."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.chain import calls
from apps.chain.errors import LayoutUnverified
from apps.chain.models import StorageLayout
from apps.chain.selectors import blocks
from apps.chain.selectors import tokens as read
from apps.chain.selectors.layouts import layout
from apps.chain.selectors.slots import slot
from apps.chain.services.identities import provide_identity, register_wallet
from apps.chain.services.intents import submit
from apps.chain.services.tokens import deploy_token, verify_layout
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import anything
from apps.chain.testing.versions import next_trex_version
from apps.chain.tests.scenarios.found_tokens import (
    ALICE,
    BOB,
    Found,
    deployed,
    register,
    settle_down,
    states_until_quiet,
)
from apps.chain.types import LAYOUT_CHANGED, LayoutState, SignerRole
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.ids import new_id
from apps.core.models import Alert, OutboxEvent
from apps.core.types import Severity

ISIN = "US0378331005"


def alert(isin: str) -> Alert | None:
    return Alert.objects.filter(dedup_key=f"chain.layout:{isin}", resolved_at=None).first()


def verify(platform: ChainPlatform, isin: str) -> tuple[str, str]:
    found = verify_layout(actor=system_actor(), node=platform.node, isin=isin, now=clock.now())
    return found.balances_slot, found.supply_slot


def sent(platform: ChainPlatform, role: SignerRole, to: str, data: bytes) -> None:
    with anything(), unit_of_work():
        submit(signer=role, to=to, data=data, kind="test", business_key=str(new_id()), now=clock.now())
    platform.run_until_quiet()


def refusal(platform: ChainPlatform, isin: str) -> object:
    with pytest.raises(LayoutUnverified) as refused:
        verify(platform, isin)
    return refused.value.context["reason"]


@pytest.fixture(scope="class")
def platform(chain_platform: ChainPlatform) -> ChainPlatform:
    """With a token of which one wallet holds 50."""
    with unit_of_work():
        deploy_token(isin=ISIN, name="Example", symbol="EXM", decimals=0, now=clock.now())
        provide_identity(party_key=new_id(), wallet_address=ALICE, country_numeric=840, now=clock.now())
    chain_platform.run_until_quiet()
    with unit_of_work():
        register_wallet(wallet_address=ALICE, isin=ISIN, now=clock.now())
    chain_platform.run_until_quiet()
    return chain_platform


def send(platform: ChainPlatform, role: SignerRole, to: str, data: bytes) -> None:
    with anything(), unit_of_work():
        submit(signer=role, to=to, data=data, kind="test", business_key=str(new_id()), now=clock.now())
    platform.run_until_quiet()


class TestATrexToken:
    def test_16_without_holders_has_no_layout(self, platform: ChainPlatform) -> None:
        assert refusal(platform, ISIN) == "NO_HOLDERS"
        with pytest.raises(LayoutUnverified):
            layout(ISIN, blocks.final_head().number)

    def test_16_is_verified_by_what_its_storage_holds(self, platform: ChainPlatform) -> None:
        sent(platform, SignerRole.AGENT, read.binding(ISIN).address, calls.mint(ALICE, 50))
        assert verify(platform, ISIN) == (slot(102), slot(104))
        final = blocks.final_head()
        key = layout(ISIN, final.number).balance_key(ALICE)
        at = {"blockHash": final.hash}
        assert int(platform.node.call("eth_getStorageAt", read.binding(ISIN).address, key, at), 16) == 50
        assert verify(platform, ISIN) == (slot(102), slot(104))
        assert StorageLayout.objects.count() == 1

    def test_16_upgraded_by_its_authority_is_refused_from_that_block_on(self, platform: ChainPlatform) -> None:
        before = blocks.final_head().number
        data = next_trex_version(platform)
        sent(platform, SignerRole.DEPLOYER, platform.contracts["trex_authority"], data)
        row = StorageLayout.objects.get()
        assert (row.state, row.reason) == (LayoutState.WITHDRAWN, "VersionUpdated")
        assert row.withdrawn_block > before
        assert layout(ISIN, row.withdrawn_block - 1).balances_slot == slot(102)
        with pytest.raises(LayoutUnverified):
            layout(ISIN, row.withdrawn_block)
        assert alert(ISIN).severity == Severity.CRITICAL
        assert OutboxEvent.objects.filter(topic=LAYOUT_CHANGED, key=ISIN).count() == 1

    def test_16_is_proved_again_after_its_layout_is_verified(self, platform: ChainPlatform) -> None:
        assert verify(platform, ISIN) == (slot(102), slot(104))
        assert alert(ISIN) is None
        assert layout(ISIN, blocks.final_head().number).supply_slot == slot(104)
        withdrawn = StorageLayout.objects.get(state=LayoutState.WITHDRAWN)
        with pytest.raises(LayoutUnverified):
            layout(ISIN, withdrawn.withdrawn_block)


@pytest.fixture(scope="class")
def token(chain_platform: ChainPlatform) -> Found:
    chain_platform.run_until_quiet()
    first = deployed(chain_platform, "LayoutOne")
    token = deployed(chain_platform, "UpgradeableProxy", first.address)
    token.mint(ALICE, 30)
    token.mint(BOB, 12)
    settle_down(chain_platform)
    return token


class TestAnErc1967Proxy:
    def test_16_with_another_layout_has_its_new_slots_once_they_hold_the_balances(self, token: Found) -> None:
        platform = token.platform
        isin = register(token, "Upgradeable").isin
        states_until_quiet(platform, isin)
        assert verify(platform, isin) == (slot(0), slot(1))
        second = deployed(platform, "LayoutTwo")
        upgraded = int(token.do("upgradeTo(address)", second.address)["blockNumber"], 16)
        platform.catch_up()
        row = StorageLayout.objects.get()
        assert (row.state, row.reason, row.withdrawn_block) == (LayoutState.WITHDRAWN, "Upgraded", upgraded)
        assert alert(isin).severity == Severity.CRITICAL
        assert refusal(platform, isin) == "CHANGE_NOT_FINAL"
        settle_down(platform)
        assert refusal(platform, isin) == "FOLD_DIFFERS"
        token.do("carry(address)", ALICE)
        token.do("carry(address)", BOB)
        settle_down(platform)
        assert verify(platform, isin) == (slot(8), slot(7))
        assert alert(isin) is None

    def test_16_is_verified_and_refused_by_hand(self, token: Found) -> None:
        isin, said = StorageLayout.objects.first().binding.isin, StringIO()
        call_command("chain_token", "layout", isin, stdout=said)
        assert said.getvalue() == f"balances_slot {slot(8)} supply_slot {slot(7)}\n"
        with pytest.raises(CommandError, match="token_mismatch; expected: 0, found: 6, what: decimals"):
            call_command("chain_token", "register", isin, token.platform.contracts["payment_token"], "--name", "USDX")

    def test_16_orphaned_upgrades_stay_withdrawn_until_somebody_looks(self, token: Found) -> None:
        platform = token.platform
        isin = StorageLayout.objects.first().binding.isin
        snapshot = platform.node.call("evm_snapshot")
        token.do("upgradeTo(address)", deployed(platform, "LayoutTwo").address)
        platform.catch_up()
        withdrawn = StorageLayout.objects.filter(state=LayoutState.WITHDRAWN).count()
        assert withdrawn == 2
        platform.node.call("evm_revert", snapshot)
        platform.node.call("evm_increaseTime", 5)
        platform.mine(6)
        platform.catch_up()
        assert StorageLayout.objects.filter(state=LayoutState.WITHDRAWN).count() == withdrawn
        assert verify(platform, isin) == (slot(8), slot(7))
