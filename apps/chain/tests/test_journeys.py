"""From a request to a live token and a registered wallet, on a real chain, through sender, ingester and relay."""

from uuid import UUID

import pytest

from apps.chain import calls, codec
from apps.chain.errors import ClaimNotFinal, UnknownToken, WalletTaken
from apps.chain.models import WatchedContract
from apps.chain.selectors import tokens as read
from apps.chain.selectors.intents import intent
from apps.chain.services.identities import provide_identity, register_wallet
from apps.chain.services.intents import submit
from apps.chain.services.tokens import admit_minter, deploy_token
from apps.chain.signers.development import INDEX
from apps.chain.testing import ChainPlatform
from apps.chain.testing.powers import anything
from apps.chain.types import (
    AgentAdded,
    BindingState,
    ClaimAdded,
    ClaimState,
    ExpectedEvent,
    GenericEvent,
    IdentityRegistered,
    IntentState,
    RegistrationState,
    SignerRole,
    TrexSuiteDeployed,
    Unpaused,
)
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.ids import new_id
from apps.core.models import OutboxEvent

ISIN, SECOND = "US0378331005", "US5949181045"
PARTY = new_id()
US = 840


def topics(key: str) -> list[str]:
    return list(OutboxEvent.objects.filter(key=key).order_by("id").values_list("topic", flat=True))


def deploy(platform: ChainPlatform, isin: str, *agents: str) -> None:
    with unit_of_work():
        deploy_token(isin=isin, name="Example", symbol="EXM", decimals=2, agents=agents, now=clock.now())
    platform.run_until_quiet()


def issuers_agents(platform: ChainPlatform) -> list[str]:
    """As many as the API takes; a factory takes five with ours."""
    return [platform.account(7).address, *(f"0x{number:040x}" for number in range(1, 5))]


def provide(wallet: str, party: UUID = PARTY) -> None:
    with unit_of_work():
        provide_identity(party_key=party, wallet_address=wallet, country_numeric=US, now=clock.now())


def register(wallet: str, isin: str) -> None:
    with unit_of_work():
        register_wallet(wallet_address=wallet, isin=isin, now=clock.now())


@pytest.fixture(scope="class")
def token(chain_platform: ChainPlatform) -> str:
    deploy(chain_platform, ISIN, *issuers_agents(chain_platform))
    return read.binding(ISIN).address


@pytest.fixture(scope="class")
def wallet(chain_platform: ChainPlatform) -> str:
    """Identity, claim and registration at the first of two tokens."""
    found = chain_platform.account(4).address.lower()
    provide(found)
    deploy(chain_platform, ISIN)
    register(found, ISIN)
    chain_platform.run_until_quiet()
    return found


class TestToken:
    def test_is_live_and_announced_once(self, token: str) -> None:
        binding = read.binding(ISIN)
        assert (binding.state, binding.decimals, binding.reason) == (BindingState.LIVE, 2, "")
        assert topics(ISIN) == ["chain.token_live"]
        assert [b.isin for b in read.live_bindings()] == [ISIN]

    def test_is_watched_from_its_first_block(self, token: str) -> None:
        watched = WatchedContract.objects.get(pk=token)
        assert (watched.kind, watched.from_block, watched.covered) == (
            "SECURITY",
            read.binding(ISIN).deploy_block,
            True,
        )

    def test_is_open_and_allowed_for_settlement(self, chain_platform: ChainPlatform, token: str) -> None:
        kind = calls._call("tokenKind(address)")(token)
        assert chain_platform.read(token, calls.paused(), "bool") is False
        assert chain_platform.read(chain_platform.contracts["dvp"], kind, "uint8") == calls.SECURITY_TOKEN

    def test_has_our_agent_and_the_issuers_and_ours_alone_registers(
        self, chain_platform: ChainPlatform, token: str
    ) -> None:
        own, minter = chain_platform.account(1).address, chain_platform.account(INDEX[SignerRole.MINTER]).address
        wanted = {own: (True, True), minter: (True, False)}
        wanted |= dict.fromkeys(issuers_agents(chain_platform), (True, False))
        places = (token, read.binding(ISIN).identity_registry)
        found = {who: tuple(chain_platform.read(at, calls.is_agent(who), "bool") for at in places) for who in wanted}
        assert found == wanted

    def test_that_knows_no_minter_yet_is_given_one_once(self, chain_platform: ChainPlatform, token: str) -> None:
        """As tokens have none that were deployed before the role was."""
        minter = chain_platform.account(INDEX[SignerRole.MINTER]).address
        remove = calls._call("removeAgent(address)")(minter)
        with anything(), unit_of_work():
            submit(
                signer=SignerRole.DEPLOYER, to=token, data=remove, kind="test", business_key="remove", now=clock.now()
            )
        chain_platform.run_sender_until_final()
        assert not chain_platform.read(token, calls.is_agent(minter), "bool")
        found = [admit_minter(node=chain_platform.node, now=clock.now()) for _ in range(2)]
        chain_platform.run_until_quiet()
        assert chain_platform.read(token, calls.is_agent(minter), "bool")
        assert [*found, admit_minter(node=chain_platform.node, now=clock.now())] == [1, 1, 0]
        assert read.binding(ISIN).state == BindingState.LIVE

    def test_asked_for_again_is_the_same(self, chain_platform: ChainPlatform, token: str) -> None:
        deploy(chain_platform, ISIN)
        assert read.binding(ISIN).address == token
        assert topics(ISIN) == ["chain.token_live"]


class TestWallet:
    def test_gets_claim_then_registration(self, wallet: str) -> None:
        identity = read.identity(wallet)
        assert identity is not None
        assert (identity.claim_state, identity.registration_state) == (ClaimState.FINAL, RegistrationState.FINAL)
        assert topics(wallet) == ["chain.claim_final", "chain.wallet_registered"]

    def test_may_hold_the_token(self, chain_platform: ChainPlatform, wallet: str) -> None:
        binding = read.binding(ISIN)
        assert chain_platform.read(binding.identity_registry, calls.is_verified(wallet), "bool") is True
        with anything(), unit_of_work():
            mint = submit(
                signer=SignerRole.AGENT,
                to=binding.address,
                data=calls.mint(wallet, 250),
                kind="test",
                business_key="mint",
                expect=ExpectedEvent(calls.TRANSFER, binding.address),
                now=clock.now(),
            )
        chain_platform.run_until_quiet()
        assert chain_platform.read(binding.address, calls.balance_of(wallet)) == 250
        done = intent(mint.id)
        assert done.state == IntentState.FINAL
        assert done.event is not None
        assert calls.address_of_topic(done.event["topics"][2]) == wallet

    def test_came_about_in_events_we_know(self, chain_platform: ChainPlatform, wallet: str) -> None:
        """Whatever the platform's contracts, their libraries and compilers wrote, from the first block on."""
        logs = chain_platform.node.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
        events = [codec.decode(log["topics"], log["data"]) for log in logs]
        assert None not in events
        generic = {event.name for event in events if isinstance(event, GenericEvent)}
        assert {"RoleGranted", "OwnershipTransferred", "TREXVersionAdded", "TrustedIssuerAdded", "KeyAdded"} < generic
        assert {TrexSuiteDeployed, ClaimAdded, IdentityRegistered, AgentAdded, Unpaused} < set(map(type, events))

    def test_is_known_to_a_later_token_at_once(self, chain_platform: ChainPlatform, wallet: str) -> None:
        deploy(chain_platform, SECOND)
        before = chain_platform.head()
        register(wallet, SECOND)
        assert topics(wallet)[-1] == "chain.wallet_registered"
        assert chain_platform.head() == before
        registry = read.binding(SECOND).identity_registry
        assert chain_platform.read(registry, calls.is_verified(wallet), "bool") is True

    def test_registered_again_says_nothing_new(self, wallet: str) -> None:
        before = topics(wallet)
        register(wallet, ISIN)
        assert topics(wallet) == before

    def test_is_one_partys_only(self, wallet: str) -> None:
        with pytest.raises(WalletTaken):
            provide(wallet, party=new_id())

    def test_without_a_claim_is_not_registered(self, chain_platform: ChainPlatform, wallet: str) -> None:
        other = chain_platform.account(5).address.lower()
        with pytest.raises(ClaimNotFinal):
            register(other, ISIN)
        provide(other)
        with pytest.raises(ClaimNotFinal):
            register(other, ISIN)

    def test_is_not_registered_at_no_token(self, wallet: str) -> None:
        with pytest.raises(UnknownToken):
            register(wallet, "US0231351067")


class TestFailure:
    """Steps that come to nothing say so, and may be asked for again."""

    def test_of_a_token_is_announced_with_the_reason(self, chain_platform: ChainPlatform) -> None:
        factory = chain_platform.contracts["trex_factory"]
        deployer = chain_platform.account(0).address
        details = (deployer, "Taken", "TKN", 0, calls.ZERO, calls.ZERO, [], [], [], [])
        with anything(), unit_of_work():
            submit(
                signer=SignerRole.DEPLOYER,
                to=factory,
                data=calls.deploy_trex_suite(ISIN, details, ([], [], [])),
                kind="test",
                business_key="takes the salt",
                now=clock.now(),
            )
        chain_platform.run_sender_until_final()
        deploy(chain_platform, ISIN)
        binding = read.binding(ISIN)
        assert (binding.state, binding.reason, binding.address) == (BindingState.FAILED, "REVERTED", "")
        assert topics(ISIN) == ["chain.token_failed"]
        deploy(chain_platform, ISIN)
        assert topics(ISIN) == ["chain.token_failed"] * 2

    def test_to_unpause_is_none_where_the_issuer_was_faster(self, chain_platform: ChainPlatform) -> None:
        agent = chain_platform.account(7)
        with unit_of_work():
            deploy_token(isin=SECOND, name="B", symbol="B", decimals=0, agents=[agent.address], now=clock.now())
        while read.binding(SECOND).state == BindingState.PENDING:
            chain_platform.step("sender")
            chain_platform.finalize()
            chain_platform.catch_up()
            chain_platform.step("relay")
        chain_platform.send(agent, read.binding(SECOND).address, calls.unpause())
        chain_platform.run_until_quiet()
        assert read.binding(SECOND).state == BindingState.LIVE
        assert topics(SECOND) == ["chain.token_live"]

    def test_of_a_claim_is_announced_and_tried_again(self, chain_platform: ChainPlatform) -> None:
        """An identity is made for a wallet once: the factory refuses a second."""
        wallet = chain_platform.account(6).address.lower()
        manager = chain_platform.account(3)
        data = calls.create_identity(wallet, "by hand", [calls.key_of(manager.address)])
        with anything(), unit_of_work():
            factory = chain_platform.contracts["id_factory"]
            submit(
                signer=SignerRole.MANAGEMENT,
                to=factory,
                data=data,
                kind="test",
                business_key="by hand",
                now=clock.now(),
            )
        chain_platform.run_sender_until_final()
        provide(wallet)
        chain_platform.run_until_quiet()
        identity = read.identity(wallet)
        assert identity is not None
        assert identity.claim_state == ClaimState.FAILED
        assert topics(wallet) == ["chain.claim_failed"]
        provide(wallet)
        chain_platform.run_until_quiet()
        assert topics(wallet) == ["chain.claim_failed"] * 2

    def test_of_a_registration_is_announced_and_tried_again(self, chain_platform: ChainPlatform) -> None:
        """The registry refuses a wallet that its storage has: the storage is put in that state by hand."""
        wallet = chain_platform.account(5).address.lower()
        provide(wallet)
        chain_platform.run_until_quiet()
        identity, registry = read.identity(wallet), read.binding(SECOND).identity_registry
        assert identity is not None
        remove = calls._call("deleteIdentity(address)")(wallet)
        by_hand = calls.register_identity(wallet, identity.identity, US)
        for key, data in (("register by hand", by_hand), ("remove by hand", remove)):
            with anything(), unit_of_work():
                submit(signer=SignerRole.AGENT, to=registry, data=data, kind="test", business_key=key, now=clock.now())
            if key == "register by hand":
                chain_platform.run_sender_until_final()
                register(wallet, SECOND)
                chain_platform.run_until_quiet()
                assert topics(wallet)[-1] == "chain.registration_failed"
        chain_platform.run_until_quiet()
        register(wallet, SECOND)
        chain_platform.run_until_quiet()
        assert topics(wallet)[-1] == "chain.wallet_registered"
