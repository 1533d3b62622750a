"""The platform's contracts: written down as intents in one commit, sent by the sender, recorded when mined.

Every transaction has an explicit gas limit and every address is known beforehand (CREATE: creator and nonce), so that
none waits for another. A deployment killed anywhere goes on where it stopped: what is written is never written again.
The order is the ERC-3643 suite's (T-REX 4.1.6), then ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.chain import calls
from apps.chain.errors import ChainMismatch, DeploymentFailed
from apps.chain.gateway import Node
from apps.chain.models import ContractAddress, TxIntent
from apps.chain.selectors.multicall import OURS as MULTICALL
from apps.chain.services.intents import submit
from apps.chain.services.watching import watch
from apps.chain.types import ContractKind, ExpectedEvent, IntentState, IntentView, SignerRole
from apps.core.db import Advisory, lock_for_transaction, unit_of_work

KIND = "deploy"
TRADE_GAS_LIMIT = 600_000
CASH_NAME, CASH_SYMBOL = "USDX", "USDX"

# In the order of ITREXImplementationAuthority.TREXContracts.
IMPLEMENTATIONS = {
    "token_implementation": ("trex/Token", 3_500_000),
    "claim_topics_registry_implementation": ("trex/ClaimTopicsRegistry", 600_000),
    "identity_registry_implementation": ("trex/IdentityRegistry", 1_800_000),
    "identity_registry_storage_implementation": ("trex/IdentityRegistryStorage", 1_200_000),
    "trusted_issuers_registry_implementation": ("trex/TrustedIssuersRegistry", 1_400_000),
    "compliance_implementation": ("trex/ModularCompliance", 1_500_000),
}
WATCHED = {
    "trex_authority": ContractKind.AUTHORITY,
    "trex_factory": ContractKind.FACTORY,
    "payment_token": ContractKind.CASH,
    "dvp": ContractKind.DVP,
}


@dataclass(slots=True)
class Progress:
    """How far a deployment is. `failed` names steps that came to nothing, with the reason."""

    total: int
    mined: int
    failed: Mapping[str, str]

    @property
    def done(self) -> bool:
        """Whether every transaction is in a block and did what it was for."""
        return self.mined == self.total


@dataclass(slots=True)
class _Plan:
    """Writes the steps, each known by its name: `deploy:<step>` is its business key."""

    signers: Mapping[SignerRole, str]
    now: datetime
    addresses: dict[str, str] = field(default_factory=dict)

    def create(self, name: str, artifact: str, *args: object, gas: int) -> str:
        """Create a contract; where it will be."""
        deployer = self.signers[SignerRole.DEPLOYER]
        intent = self._submit(name, None, calls.creation(artifact, *args), gas)
        self.addresses[name] = calls.creation_address(deployer, intent.given_nonce)
        return self.addresses[name]

    def call(self, name: str, what: str, data: bytes, *, gas: int, expect: str | None = None) -> None:
        """Call a contract of this plan; `expect` is the topic of the event it must emit."""
        event = ExpectedEvent(expect, self.addresses[name]) if expect else None
        self._submit(f"{name}.{what}", self.addresses[name], data, gas, event)

    def _submit(
        self, step: str, to: str | None, data: bytes, gas: int, expect: ExpectedEvent | None = None
    ) -> IntentView:
        return submit(
            signer=SignerRole.DEPLOYER,
            to=to,
            data=data,
            kind=KIND,
            business_key=f"{KIND}:{step}",
            expect=expect,
            gas_limit=gas,
            now=self.now,
        )


def write_plan(*, signers: Mapping[SignerRole, str], cash_minter: str, now: datetime) -> bool:
    """Write all transactions of the deployment, once; false if they were written before."""
    with unit_of_work():
        lock_for_transaction(Advisory.DEPLOY_CONTRACTS)
        if TxIntent.objects.filter(kind=KIND).exists():
            return False
        plan = _Plan(signers, now)
        _token_suite(plan)
        _identities(plan)
        _settlement(plan, cash_minter)
        plan.create(MULTICALL, "Multicall", gas=500_000)
    return True


def _token_suite(plan: _Plan) -> None:
    owner = plan.signers[SignerRole.DEPLOYER]
    implementations = [plan.create(name, artifact, gas=gas) for name, (artifact, gas) in IMPLEMENTATIONS.items()]
    authority = plan.create(
        "trex_authority", "trex/TREXImplementationAuthority", True, calls.ZERO, calls.ZERO, gas=2_300_000
    )
    version = calls.add_and_use_trex_version((4, 1, 6), tuple(implementations))
    plan.call("trex_authority", "add_version", version, gas=250_000)
    identity = plan.create("identity_implementation", "trex/Identity", owner, True, gas=4_300_000)
    identity_authority = plan.create("identity_authority", "trex/ImplementationAuthority", identity, gas=550_000)
    id_factory = plan.create("id_factory", "trex/IdFactory", identity_authority, gas=4_400_000)
    trex_factory = plan.create("trex_factory", "trex/TREXFactory", authority, id_factory, gas=5_800_000)
    ia_factory = plan.create("ia_factory", "trex/IAFactory", trex_factory, gas=2_800_000)
    plan.call("trex_authority", "set_factory", calls.set_trex_factory(trex_factory), gas=100_000)
    plan.call("trex_authority", "set_ia_factory", calls.set_ia_factory(ia_factory), gas=100_000)
    plan.call("id_factory", "add_token_factory", calls.add_token_factory(trex_factory), gas=100_000)


def _identities(plan: _Plan) -> None:
    """One registry storage for all tokens, the factory its owner; a claim issuer and identities under MANAGEMENT."""
    owner, manager = plan.signers[SignerRole.DEPLOYER], plan.signers[SignerRole.MANAGEMENT]
    moved = calls.OWNERSHIP_TRANSFERRED
    plan.create("identity_registry_storage", "trex/IdentityRegistryStorage", gas=1_200_000)
    plan.call("identity_registry_storage", "init", calls.init_storage(), gas=100_000, expect=moved)
    to_factory = calls.transfer_ownership(plan.addresses["trex_factory"])
    plan.call("identity_registry_storage", "to_factory", to_factory, gas=100_000, expect=moved)
    plan.create("claim_issuer", "trex/ClaimIssuer", owner, gas=5_100_000)
    key, added = calls.key_of(manager), calls.KEY_ADDED
    for what, purpose in (("manager", calls.MANAGEMENT_PURPOSE), ("claim_signer", calls.CLAIM_PURPOSE)):
        plan.call("claim_issuer", what, calls.add_key(key, purpose, calls.ECDSA), gas=250_000, expect=added)
    own = calls.remove_key(calls.key_of(owner), calls.MANAGEMENT_PURPOSE)
    plan.call("claim_issuer", "leave", own, gas=150_000, expect=calls.KEY_REMOVED)
    plan.call("id_factory", "to_manager", calls.transfer_ownership(manager), gas=100_000, expect=moved)


def _settlement(plan: _Plan, cash_minter: str) -> None:
    owner, operator = plan.signers[SignerRole.DEPLOYER], plan.signers[SignerRole.OPERATOR]
    cash = plan.create("payment_token", "PaymentToken", CASH_NAME, CASH_SYMBOL, owner, cash_minter, gas=1_200_000)
    plan.create("dvp", "DeliveryVersusPayment", owner, operator, owner, TRADE_GAS_LIMIT, gas=1_900_000)
    allow = calls.allow_token(cash, calls.PAYMENT_TOKEN)
    plan.call("dvp", "allow_cash", allow, gas=100_000, expect=calls.TOKEN_ALLOWED)


def progress() -> Progress:
    """How far the written plan is."""
    steps = TxIntent.objects.filter(kind=KIND)
    mined = steps.filter(state__in=[IntentState.MINED, IntentState.FINAL], succeeded=True).count()
    bad = steps.filter(state__in=[IntentState.REVERTED, IntentState.FAILED]) | steps.filter(succeeded=False)
    failed = {row.business_key: f"{row.reason} {row.reason_detail}".strip() for row in bad}
    return Progress(steps.count(), mined, failed)


def record_contracts(*, node: Node, now: datetime) -> dict[str, str]:
    """Record and watch what was deployed, once all of it is in blocks; addresses by name.

    Raises DeploymentFailed where a step failed or is not mined yet, ChainMismatch where the node has no such code.
    """
    state = progress()
    if state.failed or not state.done or not state.total:
        raise DeploymentFailed(failed=dict(state.failed), mined=state.mined, total=state.total)
    created = (
        TxIntent.objects.filter(kind=KIND, to=None, block_number__isnull=False)
        .select_related("signer")
        .order_by("nonce")
    )
    rows = [
        ContractAddress(
            name=intent.business_key.removeprefix(f"{KIND}:"),
            address=calls.creation_address(intent.signer.address, intent.given_nonce),
            deployed_block=intent.block_number or 0,
            tx_hash=intent.tx_hash,
            created_at=now,
        )
        for intent in created
    ]
    require_code(node=node, addresses=[row.address for row in rows])
    with unit_of_work():
        ContractAddress.objects.bulk_create(rows, ignore_conflicts=True)
        for row in rows:
            if kind := WATCHED.get(row.name):
                watch(address=row.address, kind=kind, from_block=row.deployed_block, now=now)
    return {row.name: row.address for row in rows}


def require_code(*, node: Node, addresses: list[str]) -> None:
    """Raise ChainMismatch unless the node has code at every address: the books belong to another chain."""
    codes = node.batch([("eth_getCode", (address, "latest")) for address in addresses])
    missing = [address for address, code in zip(addresses, codes, strict=True) if code in {None, "0x"}]
    if missing:
        raise ChainMismatch(missing=missing)
