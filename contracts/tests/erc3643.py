"""The ERC-3643 suite on a development chain: platform, tokens, identities and claims, in pure web3."""

from dataclasses import dataclass
from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD

from .node import Chain

ZERO = "0x" + "00" * 20
KYC_TOPIC = 1
COUNTRY_US = 840  # ISO 3166 numeric
MANAGEMENT, CLAIM_SIGNER, ECDSA = 1, 3, 1  # ERC-734 key purposes and type


def key_of(address: str) -> bytes:
    """ERC-734 key of an address: keccak(abi.encode(address))."""
    return Web3.keccak(encode(["address"], [address]))


def sign_claim(signer: LocalAccount, identity: str, topic: int, data: bytes) -> bytes:
    """What ClaimIssuer.isClaimValid expects: EIP-191 over keccak(abi.encode(identity, topic, data))."""
    digest = Web3.keccak(encode(["address", "uint256", "bytes"], [identity, topic, data]))
    return signer.sign_message(encode_defunct(primitive=digest)).signature


@dataclass(frozen=True)
class Suite:
    """One ERC-3643 token and its registries, at their proxies."""

    token: Contract
    identity_registry: Contract
    identity_registry_storage: Contract
    trusted_issuers_registry: Contract
    claim_topics_registry: Contract
    compliance: Contract


@dataclass(frozen=True)
class Platform:
    """The deployed factories and the accounts that run them."""

    chain: Chain
    owner: str  # owns factories and tokens
    manager: str  # management key of every investor's identity; owns the IdFactory
    agent: str  # agent of tokens and registries
    claim_signer: LocalAccount
    claim_issuer: Contract
    id_factory: Contract
    trex_factory: Contract

    def deploy_token(self, salt: str, *, topics: tuple[int, ...] = (KYC_TOPIC,), shared_storage: str = ZERO) -> Suite:
        """A token with 0 decimals, unpaused, its claim topics trusted from the platform's claim issuer."""
        details = (self.owner, f"Security {salt}", salt, 0, shared_storage, ZERO, [self.agent], [self.agent], [], [])
        claims = (list(topics), [self.claim_issuer.address], [list(topics)]) if topics else ([], [], [])
        receipt = self.chain.send(self.trex_factory, "deployTREXSuite", salt, details, claims, sender=self.owner)
        mined = self.chain.w3.eth.get_transaction_receipt(receipt["transactionHash"])
        (event,) = self.trex_factory.events.TREXSuiteDeployed().process_receipt(mined, errors=DISCARD)
        args, at = event.args, self.chain.at
        suite = Suite(
            token=at("trex/Token", args._token),
            identity_registry=at("trex/IdentityRegistry", args._ir),
            identity_registry_storage=at("trex/IdentityRegistryStorage", args._irs),
            trusted_issuers_registry=at("trex/TrustedIssuersRegistry", args._tir),
            claim_topics_registry=at("trex/ClaimTopicsRegistry", args._ctr),
            compliance=at("trex/ModularCompliance", args._mc),
        )
        self.chain.send(suite.token, "unpause", sender=self.agent)
        return suite

    def onboard(self, suite: Suite, wallets: list[str]) -> None:
        """Identity, KYC claim and registration for each wallet, every identity a contract of its own."""
        chain = self.chain
        keys = [key_of(self.manager)]
        create = "createIdentityWithManagementKeys"
        chain.send_all([(self.id_factory, create, (w, f"investor-{w}", keys), self.manager) for w in wallets])
        identities = [self.identity_of(wallet) for wallet in wallets]
        chain.send_all([self._claim_call(identity, KYC_TOPIC, b"kyc") for identity in identities])
        register = [
            (suite.identity_registry, "registerIdentity", (wallet, identity.address, COUNTRY_US), self.agent)
            for wallet, identity in zip(wallets, identities, strict=True)
        ]
        chain.send_all(register)

    def identity_of(self, wallet: str) -> Contract:
        return self.chain.at("trex/Identity", self.id_factory.functions.getIdentity(wallet).call())

    def _claim_call(self, identity: Contract, topic: int, data: bytes) -> tuple[Contract, str, tuple[Any, ...], str]:
        signature = sign_claim(self.claim_signer, identity.address, topic, data)
        args = (topic, ECDSA, self.claim_issuer.address, signature, data, "")
        return identity, "addClaim", args, self.manager


def deploy_platform(chain: Chain, *, owner: str, manager: str, agent: str) -> Platform:
    """The suite's factories and one claim issuer; the order is the one contracts/README.md documents."""
    signer = Account.from_key("0x" + "c1" * 32)
    authority = _deploy_implementations(chain, owner)
    identity = chain.deploy("trex/Identity", owner, True, sender=owner)
    identity_authority = chain.deploy("trex/ImplementationAuthority", identity.address, sender=owner)
    id_factory = chain.deploy("trex/IdFactory", identity_authority.address, sender=owner)
    trex_factory = chain.deploy("trex/TREXFactory", authority.address, id_factory.address, sender=owner)
    ia_factory = chain.deploy("trex/IAFactory", trex_factory.address, sender=owner)
    chain.send(authority, "setTREXFactory", trex_factory.address, sender=owner)
    chain.send(authority, "setIAFactory", ia_factory.address, sender=owner)
    chain.send(id_factory, "addTokenFactory", trex_factory.address, sender=owner)
    chain.send(id_factory, "transferOwnership", manager, sender=owner)
    claim_issuer = chain.deploy("trex/ClaimIssuer", manager, sender=owner)
    chain.send(claim_issuer, "addKey", key_of(signer.address), CLAIM_SIGNER, ECDSA, sender=manager)
    return Platform(chain, owner, manager, agent, signer, claim_issuer, id_factory, trex_factory)


def _deploy_implementations(chain: Chain, owner: str) -> Contract:
    names = (  # order of ITREXImplementationAuthority.TREXContracts
        "Token",
        "ClaimTopicsRegistry",
        "IdentityRegistry",
        "IdentityRegistryStorage",
        "TrustedIssuersRegistry",
        "ModularCompliance",
    )
    implementations = [chain.deploy(f"trex/{name}", sender=owner).address for name in names]
    authority = chain.deploy("trex/TREXImplementationAuthority", True, ZERO, ZERO, sender=owner)
    chain.send(authority, "addAndUseTREXVersion", (4, 1, 6), tuple(implementations), sender=owner)
    return authority
