"""Facts of the ERC-3643 suite that the platform is built on; the product's deployer relies on each."""

import pytest
from eth_account import Account

from .erc3643 import COUNTRY_US, KYC_TOPIC, MANAGEMENT, ZERO, Suite, key_of, sign_claim
from .market import UNIT, Market
from .node import TRANSACTION_GAS_CAP, CallReverted


def refusal(market: Market, contract: object, function: str, *args: object, sender: str) -> str:
    with pytest.raises(CallReverted) as caught:
        market.chain.send(contract, function, *args, sender=sender)
    return str(caught.value.revert.args[0])


class TestDeployment:
    def test_every_transaction_fits_under_the_cap(self, market: Market) -> None:
        blocks = (market.chain.rpc("eth_getBlockByNumber", hex(n), True) for n in range(1, 21))
        used = [int(block["gasUsed"], 16) for block in blocks if len(block["transactions"]) == 1]
        assert len(used) == 20
        assert max(used) < TRANSACTION_GAS_CAP // 2

    def test_a_token_starts_paused(self, market: Market) -> None:
        platform = market.platform
        details = (platform.owner, "Paused", "PAUSED", 0, ZERO, ZERO, [], [platform.agent], [], [])
        market.chain.send(platform.trex_factory, "deployTREXSuite", "P", details, ([], [], []), sender=platform.owner)
        address = platform.trex_factory.functions.getToken("P").call()
        assert market.chain.at("trex/Token", address).functions.paused().call()

    def test_a_salt_deploys_once(self, market: Market) -> None:
        with pytest.raises(CallReverted) as caught:
            market.platform.deploy_token("BOOK1")
        assert caught.value.revert.args == ("token already deployed",)

    def test_the_owner_is_no_agent(self, market: Market) -> None:
        words = refusal(market, market.security, "mint", market.seller, 1, sender=market.owner)
        assert words == "AgentRole: caller does not have the Agent role"
        registry = market.suite.identity_registry
        identity = market.platform.identity_of(market.seller).address
        args = (market.stranger, identity, COUNTRY_US)
        assert refusal(market, registry, "registerIdentity", *args, sender=market.owner) == words

    def test_the_token_has_an_identity_of_its_own(self, market: Market) -> None:
        own = market.security.functions.onchainID().call()
        assert own == market.platform.id_factory.functions.getIdentity(market.security.address).call() != ZERO


class TestIdentities:
    def test_belong_to_the_platform_and_not_to_the_wallet(self, market: Market) -> None:
        identity, platform = market.platform.identity_of(market.buyer), market.platform
        managers = identity.functions.getKeysByPurpose(MANAGEMENT).call()
        assert managers == [bytes(key_of(platform.manager))]

    def test_are_created_by_the_factorys_owner_only(self, market: Market) -> None:
        args = (market.stranger, "salt", [key_of(market.platform.manager)])
        create = "createIdentityWithManagementKeys"
        words = refusal(market, market.platform.id_factory, create, *args, sender=market.owner)
        assert words == "Ownable: caller is not the owner"

    def test_a_claim_by_another_signer_is_refused(self, market: Market) -> None:
        platform, identity = market.platform, market.platform.identity_of(market.buyer)
        forged = sign_claim(Account.from_key("0x" + "bb" * 32), identity.address, KYC_TOPIC, b"kyc")
        args = (KYC_TOPIC, 1, platform.claim_issuer.address, forged, b"kyc", "")
        assert refusal(market, identity, "addClaim", *args, sender=platform.manager) == "invalid claim"

    def test_a_revoked_claim_comes_back_with_new_data_only(self, market: Market) -> None:
        platform, chain, identity = market.platform, market.chain, market.platform.identity_of(market.buyer)
        verified = market.suite.identity_registry.functions.isVerified(market.buyer)
        issuer, sender = platform.claim_issuer, platform.manager
        old = sign_claim(platform.claim_signer, identity.address, KYC_TOPIC, b"kyc")
        chain.send(issuer, "revokeClaimBySignature", old, sender=sender)
        assert verified.call() is False
        again = (KYC_TOPIC, 1, issuer.address, old, b"kyc", "")
        assert refusal(market, identity, "addClaim", *again, sender=sender) == "invalid claim"
        new = sign_claim(platform.claim_signer, identity.address, KYC_TOPIC, b"kyc 2")
        chain.send(identity, "addClaim", KYC_TOPIC, 1, issuer.address, new, b"kyc 2", "", sender=sender)
        assert verified.call() is True


class TestSharedIdentityStorage:
    def second_token(self, market: Market) -> Suite:
        storage = market.suite.identity_registry_storage.address
        return market.platform.deploy_token("BOOK2", shared_storage=storage)

    def test_an_investor_registered_once_is_verified_for_each_token(self, market: Market) -> None:
        second = self.second_token(market)
        assert second.identity_registry.address != market.suite.identity_registry.address
        assert second.identity_registry.functions.isVerified(market.buyer).call()
        assert not second.identity_registry.functions.isVerified(market.stranger).call()

    def test_a_second_registration_is_refused(self, market: Market) -> None:
        second = self.second_token(market)
        identity = market.platform.identity_of(market.buyer).address
        args = (market.buyer, identity, COUNTRY_US)
        words = refusal(market, second.identity_registry, "registerIdentity", *args, sender=market.agent)
        assert words == "address stored already"

    def test_both_tokens_settle(self, market: Market) -> None:
        second, chain = self.second_token(market), market.chain
        chain.send(second.token, "mint", market.seller, 5, sender=market.agent)
        chain.send(second.token, "approve", market.dvp.address, 5, sender=market.seller)
        chain.send(market.dvp, "allowToken", second.token.address, 1, sender=market.owner)
        trades = [market.trade(), market.trade(security=second.token.address, quantity=5, amount=UNIT)]
        assert market.settle(*trades).settled == [trade.id for trade in trades]
        assert market.balance(second.token, market.buyer) == 5
