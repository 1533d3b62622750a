"""A token ends where nobody holds any of it, and another takes its place: ours, or one that is there already."""

import pytest

from apps.audit.models import AuditLog
from apps.chain import calls
from apps.chain.errors import TokenInUse, UnknownToken
from apps.chain.models import TokenBinding, TxIntent
from apps.chain.selectors import blocks
from apps.chain.selectors import tokens as read
from apps.chain.services.intents import submit
from apps.chain.services.tokens import deploy_token, end_token
from apps.chain.testing import ChainPlatform
from apps.chain.tests.scenarios.found_tokens import deployed, register, settle_down, states_until_quiet
from apps.chain.tests.test_journeys import provide, topics
from apps.chain.tests.test_journeys import register as register_wallet
from apps.chain.types import BindingState, BindingView, SignerRole
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.errors import InvalidValue
from apps.securities.tests.factories import make_security

ISSUERS_AGENT = 7


def deploy(platform: ChainPlatform, isin: str) -> BindingView:
    with unit_of_work():
        agents = [platform.account(ISSUERS_AGENT).address]
        deploy_token(isin=isin, name="Example", symbol="EXM", decimals=0, agents=agents, now=clock.now())
    platform.run_until_quiet()
    return read.binding(isin)


def end(platform: ChainPlatform, isin: str, address: str, reason: str = "deployed anew") -> BindingView:
    return end_token(actor=system_actor(), node=platform.node, isin=isin, address=address, reason=reason)


def why(platform: ChainPlatform, bound: BindingView) -> object:
    with pytest.raises(TokenInUse) as refused:
        end(platform, bound.isin, bound.address)
    assert read.binding(bound.isin).valid_to_block is None
    return refused.value.context["why"]


@pytest.fixture(scope="class")
def first(chain_platform: ChainPlatform) -> BindingView:
    return deploy(chain_platform, make_security(name="Example").isin)


class TestATokensEnd:
    def test_waits_for_transactions_of_ours_and_for_holders(
        self, chain_platform: ChainPlatform, first: BindingView
    ) -> None:
        wallet = chain_platform.account(4).address.lower()
        provide(wallet)
        chain_platform.run_until_quiet()
        register_wallet(wallet, first.isin)
        chain_platform.run_until_quiet()
        data = calls.mint(wallet, 5)
        with unit_of_work():
            submit(
                signer=SignerRole.MINTER, to=first.address, data=data, kind="test", business_key="5", now=clock.now()
            )
        assert why(chain_platform, first) == "transactions"
        chain_platform.run_until_quiet()
        assert why(chain_platform, first) == "supply"
        agent = chain_platform.account(ISSUERS_AGENT)
        chain_platform.send(agent, first.address, calls.burn(wallet, 5))
        chain_platform.catch_up()
        assert why(chain_platform, first) == "supply"  # what is burnt is not final yet
        settle_down(chain_platform)

    def test_needs_its_address_and_a_reason(self, chain_platform: ChainPlatform, first: BindingView) -> None:
        with pytest.raises(InvalidValue):
            end(chain_platform, first.isin, first.address, " ")
        with pytest.raises(UnknownToken):
            end(chain_platform, first.isin, chain_platform.contracts["payment_token"])
        assert read.binding(first.isin) == first

    def test_is_at_the_last_final_block_and_told_once(self, chain_platform: ChainPlatform, first: BindingView) -> None:
        number = blocks.final_head().number
        found = [end(chain_platform, first.isin, address) for address in (first.address, first.address.upper())]
        assert [each.valid_to_block for each in found] == [number] * 2
        with pytest.raises(UnknownToken):
            read.binding(first.isin)
        assert read.binding_at(first.isin, number).address == first.address
        assert topics(first.isin).count("chain.token_ended") == 1
        assert AuditLog.objects.filter(action="chain.token_ended", resource_id=first.isin).count() == 1
        assert read.ended_tokens() == {first.address: number}

    def test_makes_room_for_another_of_ours(self, chain_platform: ChainPlatform, first: BindingView) -> None:
        second = deploy(chain_platform, first.isin)
        assert second.state == BindingState.LIVE
        assert second.address != first.address
        ended = TokenBinding.objects.get(address=first.address).valid_to_block
        assert second.deploy_block is not None
        assert ended is not None
        assert ended < second.deploy_block
        assert [read.binding_at(first.isin, at).address for at in (ended, second.deploy_block)] == [
            first.address,
            second.address,
        ]
        assert TxIntent.objects.filter(kind="token.deploy", business_key__contains=first.isin).count() == 2

    def test_and_for_one_that_was_there_before_it_ended(
        self, chain_platform: ChainPlatform, first: BindingView
    ) -> None:
        found = deployed(chain_platform, "LayoutOne")
        found.mint("0x" + "aa" * 20, 3)
        settle_down(chain_platform)
        ended = end(chain_platform, first.isin, read.binding(first.isin).address).valid_to_block
        bound = register(found, "", isin=first.isin, name="Upgradeable")
        assert ended is not None
        assert (bound.deploy_block or 0) <= ended
        assert bound.valid_from_block == ended + 1
        assert states_until_quiet(chain_platform, first.isin)[-1] == BindingState.LIVE
        assert read.binding_at(first.isin, ended).address != found.address
        assert why(chain_platform, read.binding(first.isin)) == "supply"
