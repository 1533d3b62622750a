"""A healthy world on a real chain: issues, trades that settled, one that did not yet, and what a rogue may do to it.

Nothing here names a break. A fault writes to the chain with keys that are not ours, or to tables with the owner's
rights; it says in its own words what it did, and to whom.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from django.db import connections
from eth_abi.abi import encode

from apps.accounts.tests.factories import actor_of
from apps.chain import calls
from apps.chain.models import Block, RawLog
from apps.chain.selectors.tokens import binding
from apps.chain.selectors.topics import TRANSFER, topics_of
from apps.chain.testing import ChainPlatform
from apps.chain.testing.twin import twin_of
from apps.chain.testing.versions import next_trex_version
from apps.chain.types.events import TradeSettled
from apps.compliance.selectors.wallets import party_of_wallet
from apps.core import clock
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.floor import Floor
from apps.issuance.tests.test_on_chain import trade
from apps.issuance.types import IssuanceDraft
from apps.ledger.models import LedgerTransfer
from apps.reconciliation.tests.stage import AGENT, BALANCES_SLOT, Stage, as_owner, forced_transfer

SUPPLY_SLOT, CASH_BALANCES_SLOT = 104, 0
OWNER = 0  # of tokens and registries: the deployer, in development
ZERO = "0x" + "00" * 20
freeze_part = calls._call("freezePartialTokens(address,uint256)")
freeze_wallet = calls._call("setAddressFrozen(address,bool)")
delete_identity = calls._call("deleteIdentity(address)")


@dataclass(frozen=True)
class Done:
    """What a fault did: its own word for it, and what it touched (a wallet, a transaction, or nothing of these)."""

    deed: str
    wallet: str | None = None
    other: str | None = None
    tx_hash: str = ""


@dataclass
class World:
    """A stage where Alice and Bob were issued units six times and have traded."""

    stage: Stage
    mints: list[LedgerTransfer] = field(default_factory=list)
    settled_tx: str = ""

    def build(self) -> None:
        """Issue, trade, settle; one trade stays open."""
        stage = self.stage
        for number in range(3):
            for wallet in (stage.alice, stage.bob):
                draft = IssuanceDraft(f"more-{number}-{wallet}", stage.isin, str(10 + number), wallet_address=wallet)
                asked = request_issuance(actor=actor_of(stage.issuer), draft=draft, now=clock.now())
                approve_issuance(actor=actor_of(stage.checker), issuance_id=asked.id, now=clock.now())
        contracts = stage.platform.contracts
        for index, token in ((4, stage.token), (5, contracts["payment_token"])):
            stage.platform.send(stage.platform.account(index), token, calls.approve(contracts["dvp"], 10**12))
        stage.settle_down()
        instruction = self._trade("settled", 7, 70)
        stage.platform.step("settler")
        stage.settle_down()
        instruction.refresh_from_db()
        self.settled_tx = instruction.tx_hash
        self._trade("open", 3, 30)
        stage.settle_down()
        rows = LedgerTransfer.objects.filter(kind="ISSUE", source_ref__startswith="issuance:").order_by("pk")
        self.mints = list(rows.select_related("credit_account"))

    def _trade(self, ref: str, quantity: int, amount: int) -> Any:
        ends = [
            SimpleNamespace(wallet=wallet, party=SimpleNamespace(pk=party_of_wallet(wallet)))
            for wallet in (self.stage.alice, self.stage.bob)
        ]
        floor = SimpleNamespace(isin=self.stage.isin, seller=ends[0], buyer=ends[1])
        return trade(cast("Floor", floor), ref, quantity, amount)

    @contextmanager
    def copy(self) -> Iterator["World"]:
        """The world in books of its own, and the chain put back at the end."""
        platform = self.stage.platform
        with twin_of(connections.settings["default"]["NAME"]), platform.reborn() as own:
            snapshot = own.snapshot()
            try:
                yield replace(self, stage=_on(self.stage, own))
            finally:
                own.node.call("anvil_dropAllTransactions")
                own.restore(snapshot)

    # With the agent's key, past our system

    def agent_moves(self, units: int) -> Done:
        tx_hash = self.stage.agent(forced_transfer(self.stage.alice, self.stage.bob, units))
        return Done("agent moved units", self.stage.alice, tx_hash=tx_hash)

    def agent_mints(self, units: int) -> Done:
        return Done("agent minted", self.stage.bob, tx_hash=self.stage.agent(calls.mint(self.stage.bob, units)))

    def agent_burns(self, units: int) -> Done:
        return Done("agent burned", self.stage.alice, tx_hash=self.stage.agent(calls.burn(self.stage.alice, units)))

    def agent_freezes_units(self, units: int) -> Done:
        self.stage.agent(freeze_part(self.stage.bob, units))
        return Done("agent froze units", self.stage.bob)

    def agent_freezes_wallet(self, _: int) -> Done:
        self.stage.agent(freeze_wallet(self.stage.alice, True))
        return Done("agent froze a wallet", self.stage.alice)

    def agent_freezes_and_lifts(self, _: int) -> Done:
        passer_by = str(self.stage.platform.account(9).address).lower()
        for frozen in (True, False):
            self.stage.agent(freeze_wallet(passer_by, frozen))
        return Done("agent froze a wallet and lifted it", passer_by)

    def owner_adds_agent(self, _: int) -> Done:
        platform = self.stage.platform
        data = calls.add_agent(platform.account(9).address)
        sent = platform.send(platform.account(OWNER), self.stage.token, data)
        return Done("owner made somebody an agent", tx_hash=str(sent["transactionHash"]))

    def owner_changes_code(self, _: int) -> Done:
        platform = self.stage.platform
        authority, data = platform.contracts["trex_authority"], next_trex_version(platform)
        sent = platform.send(platform.account(OWNER), authority, data)
        return Done("owner changed the code of tokens", tx_hash=str(sent["transactionHash"]))

    def agent_pauses(self, _: int) -> Done:
        self.stage.agent(calls.pause())
        return Done("agent paused the token")

    def agent_forgets_identity(self, _: int) -> Done:
        registry, platform = binding(self.stage.isin).identity_registry, self.stage.platform
        agent = platform.account(AGENT)
        platform.send(platform.account(OWNER), registry, calls.add_agent(agent.address))
        platform.send(agent, registry, delete_identity(self.stage.bob))
        return Done("agent removed an identity", self.stage.bob)

    # Past the token's own code

    def storage_grows(self, units: int) -> Done:
        self._add_stored(self.stage.token, BALANCES_SLOT, self.stage.alice, units)
        return Done("token's storage changed without a log", self.stage.alice)

    def cash_storage_grows(self, units: int) -> Done:
        cash = self.stage.platform.contracts["payment_token"]
        self._add_stored(cash, CASH_BALANCES_SLOT, self.stage.bob, units)
        return Done("cash token's storage changed without a log", self.stage.bob)

    def supply_slot_grows(self, units: int) -> Done:
        node = self.stage.platform.node
        slot = f"0x{SUPPLY_SLOT:064x}"
        now = int(node.call("eth_getStorageAt", self.stage.token, slot, "latest"), 16)
        node.call("anvil_setStorageAt", self.stage.token, slot, f"0x{now + units:064x}")
        return Done("token's supply slot changed")

    # In tables, with the owner's rights

    def balance_row_changes(self, units: int) -> Done:
        self._book(self.stage.isin, self.stage.bob, units)
        return Done("balance row changed", self.stage.bob)

    def cash_row_changes(self, units: int) -> Done:
        self._book("USDX", self.stage.bob, units)
        return Done("cash row changed", self.stage.bob)

    def posting_appears(self, units: int) -> Done:
        self._post("out of nowhere", "out of nowhere", self.stage.alice, units)
        return Done("posting for nothing", self.stage.alice)

    def posting_is_repeated(self, _: int) -> Done:
        mint = self.mints[0]
        self._post(f"{mint.idem_key}:again", mint.source_ref, self._owner(mint), int(mint.amount))
        return Done("posting repeated", self._owner(mint), tx_hash=self._tx(mint))

    def posting_of_lost_block(self, units: int) -> Done:
        lost = Block.objects.order_by("-number").first()
        hash_ = "0x" + "0f" * 32
        as_owner(
            "INSERT INTO chain_block (number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom,"
            " gas_used, canonical, finality, final_by) SELECT number, %s, parent_hash, timestamp, state_root,"
            " receipts_root, logs_bloom, 0, false, 'OBSERVED', '' FROM chain_block WHERE id = %s",
            [hash_, lost.pk],
        )
        self._post(f"log:{hash_}:0", "of a block that was", self.stage.bob, units)
        return Done("posting of a block that is gone", self.stage.bob)

    def posting_goes_elsewhere(self, _: int) -> Done:
        mint = self.mints[2]
        owner = self._owner(mint)
        other = self.stage.bob if owner == self.stage.alice else self.stage.alice
        self._change_posting(mint, f"credit_account_id = '{self._account(other)}'")
        self._book(self.stage.isin, owner, -int(mint.amount))
        self._book(self.stage.isin, other, int(mint.amount))
        return Done("posting sent elsewhere", owner, other, self._tx(mint))

    def posting_grows_tenfold(self, _: int) -> Done:
        mint = self.mints[3]
        self._grow(mint, int(mint.amount) * 9)
        return Done("posting times ten", self._owner(mint), tx_hash=self._tx(mint))

    def posting_grows(self, units: int) -> Done:
        mint = self.mints[4]
        self._grow(mint, units)
        return Done("posting grew", self._owner(mint), tx_hash=self._tx(mint))

    def log_of_ours_is_not_booked(self, units: int) -> Done:
        self._log(self.stage.token, self.settled_tx, 500, self.stage.alice, self.stage.bob, units)
        for wallet, delta in ((self.stage.alice, -units), (self.stage.bob, units)):
            self._fold(self.stage.token, wallet, delta)
            self._add_stored(self.stage.token, BALANCES_SLOT, wallet, delta)
        return Done("log of our transaction without a posting", self.stage.alice, tx_hash=self.settled_tx)

    def trade_without_legs(self, units: int) -> Done:
        tx_hash = f"0x{units:064x}"
        self._trade_log(tx_hash, 600, units, units)
        return Done("trade reported without legs", tx_hash=tx_hash)

    def trade_arrives_short(self, units: int) -> Done:
        """Both legs there and back, so that no balance changes; of the security one unit less than was agreed."""
        tx_hash, stage = f"0x{units + 10**9:064x}", self.stage
        cash = stage.platform.contracts["payment_token"]
        for index, (token, sender, recipient, amount) in enumerate(
            (
                (stage.token, stage.alice, stage.bob, units),
                (stage.token, stage.bob, stage.alice, units),
                (cash, stage.bob, stage.alice, units),
                (cash, stage.alice, stage.bob, units),
            )
        ):
            self._log(token, tx_hash, 700 + index, sender, recipient, amount)
        self._trade_log(tx_hash, 705, units + 1, units)
        return Done("trade arrived short", tx_hash=tx_hash)

    def control_total_changes(self, units: int) -> Done:
        as_owner("UPDATE issuance_issuancecontrol SET issued = issued + %s WHERE isin = %s", [units, self.stage.isin])
        return Done("control total changed")

    def binding_counts_otherwise(self, _: int) -> Done:
        as_owner("UPDATE chain_tokenbinding SET decimals = decimals + 1 WHERE isin = %s", [self.stage.isin])
        return Done("binding's decimals changed")

    def intent_hangs(self, _: int) -> Done:
        as_owner(
            'INSERT INTO chain_txintent (id, business_key, kind, signer_id, nonce, "to", data, value, state, reason,'
            " reason_detail, created_at) SELECT gen_random_uuid(), 'hanging', 'token.mint', 'MINTER',"
            " 1000000, %s, '', 0, 'BROADCAST', '', '', now() - interval '2 days'",
            [self.stage.token],
        )
        return Done("intent hangs")

    def holder_is_forgotten(self, _: int) -> Done:
        as_owner("UPDATE ledger_account SET party_id = NULL WHERE wallet_address = %s", [self.stage.bob])
        as_owner("UPDATE compliance_wallet SET address = %s WHERE address = %s", ["0x" + "f0" * 20, self.stage.bob])
        return Done("holder's name lost", self.stage.bob)

    def log_of_ours_is_booked_for_another_reason(self, units: int) -> tuple[Done, Done]:
        """Two faults that cancel out: no balance differs."""
        done = self.log_of_ours_is_not_booked(units)
        as_owner(
            "INSERT INTO ledger_transfer (debit_account_id, credit_account_id, amount, state, kind, idem_key,"
            " source_ref, effective_at) VALUES (%s, %s, %s, 'POSTED', 'CORRECTION', 'no reason', 'no reason', now())",
            [self._account(self.stage.alice), self._account(self.stage.bob), units],
        )
        self._book(self.stage.isin, self.stage.alice, -units)
        self._book(self.stage.isin, self.stage.bob, units)
        return done, Done("posting for nothing", self.stage.bob)

    # Hands

    def _book(self, asset: str, wallet: str, units: int) -> None:
        as_owner(
            "UPDATE ledger_balance b SET posted = posted + %s FROM ledger_account a"
            " WHERE a.id = b.account_id AND a.asset = %s AND a.wallet_address = %s AND a.kind <> 'SUSPENSE'",
            [units, asset, wallet],
        )

    def _issued(self, units: int) -> None:
        as_owner(
            "UPDATE ledger_balance b SET posted = posted - %s FROM ledger_account a"
            " WHERE a.id = b.account_id AND a.asset = %s AND a.kind = 'ISSUANCE'",
            [units, self.stage.isin],
        )

    def _post(self, key: str, source: str, wallet: str, units: int) -> None:
        as_owner(
            "INSERT INTO ledger_transfer (debit_account_id, credit_account_id, amount, state, kind, idem_key,"
            " source_ref, effective_at) SELECT i.id, w.id, %s, 'POSTED', 'ISSUE', %s, %s, now()"
            " FROM ledger_account i, ledger_account w WHERE i.asset = %s AND i.kind = 'ISSUANCE'"
            " AND w.asset = i.asset AND w.wallet_address = %s",
            [units, key, source, self.stage.isin, wallet],
        )
        self._book(self.stage.isin, wallet, units)
        self._issued(units)

    def _grow(self, mint: LedgerTransfer, units: int) -> None:
        self._change_posting(mint, f"amount = amount + {units}")
        self._book(self.stage.isin, self._owner(mint), units)
        self._issued(units)

    def _change_posting(self, row: LedgerTransfer, change: str) -> None:
        as_owner("ALTER TABLE ledger_transfer DISABLE TRIGGER USER", [])
        as_owner(f"UPDATE ledger_transfer SET {change} WHERE id = %s", [row.pk])
        as_owner("ALTER TABLE ledger_transfer ENABLE TRIGGER USER", [])

    def _account(self, wallet: str) -> str:
        rows = {str(m.credit_account.wallet_address): str(m.credit_account_id) for m in self.mints}
        return rows[wallet]

    def _owner(self, mint: LedgerTransfer) -> str:
        return str(mint.credit_account.wallet_address)

    def _tx(self, mint: LedgerTransfer) -> str:
        _, hash_, index = mint.idem_key.split(":")
        return str(RawLog.objects.get(block__hash=hash_, log_index=int(index)).tx_hash)

    def _add_stored(self, token: str, slot: int, wallet: str, units: int) -> None:
        node = self.stage.platform.node
        place = "0x" + calls.keccak(encode(["address", "uint256"], [wallet, slot])).hex()
        now = int(node.call("eth_getStorageAt", token, place, "latest"), 16)
        node.call("anvil_setStorageAt", token, place, f"0x{now + units:064x}")

    def _fold(self, token: str, wallet: str, units: int) -> None:
        as_owner(
            "UPDATE chain_holderbalance SET head = head + %s, final = final + %s WHERE token = %s AND wallet = %s",
            [units, units, bytes.fromhex(token[2:]), bytes.fromhex(wallet[2:])],
        )

    def _log(self, token: str, tx_hash: str, index: int, sender: str, recipient: str, units: int) -> None:
        ends = "".join("00" * 12 + wallet[2:] for wallet in (sender, recipient))
        effect = [bytes.fromhex(wallet[2:]) for wallet in (sender, recipient)]
        self._raw_log(token, tx_hash, index, TRANSFER[2:] + ends, f"{units:064x}", ["M", *effect, units])

    def _trade_log(self, tx_hash: str, index: int, quantity: int, amount: int) -> None:
        stage = self.stage
        ends = "".join("00" * 12 + wallet[2:] for wallet in (stage.alice, stage.bob))
        topics = topics_of(TradeSettled)[0][2:] + f"{index:064x}" + ends
        words = (stage.token[2:].rjust(64, "0"), f"{quantity:064x}")
        cash = stage.platform.contracts["payment_token"][2:].rjust(64, "0")
        data = "".join((*words, cash, f"{amount:064x}"))
        self._raw_log(stage.platform.contracts["dvp"], tx_hash, index, topics, data, [None, None, None, None])

    def _raw_log(self, address: str, tx_hash: str, index: int, topics: str, data: str, effect: list[Any]) -> None:
        as_owner(
            "INSERT INTO chain_rawlog (block_id, block_number, log_index, tx_index, tx_hash, address, topics, data,"
            " effect, sender, recipient, amount) SELECT b.id, b.number, %s, 0, %s, %s, %s, %s, %s, %s, %s, %s"
            " FROM settlement_projectioncursor c JOIN chain_block b ON b.hash = c.hash",
            [index, *(bytes.fromhex(text.removeprefix("0x")) for text in (tx_hash, address, topics, data)), *effect],
        )


Fault = Callable[[World, int], Done]
# Those that move units with the agent's key come before those that bar them.
ON_CHAIN: tuple[Fault, ...] = (
    World.agent_moves,
    World.agent_mints,
    World.agent_burns,
    World.agent_freezes_units,
    World.agent_freezes_wallet,
    World.agent_freezes_and_lifts,
    World.owner_adds_agent,
    World.owner_changes_code,
    World.agent_pauses,
    World.agent_forgets_identity,
    World.storage_grows,
    World.cash_storage_grows,
    World.supply_slot_grows,
    World.log_of_ours_is_not_booked,
)
IN_TABLES: tuple[Fault, ...] = (
    World.balance_row_changes,
    World.cash_row_changes,
    World.posting_appears,
    World.posting_is_repeated,
    World.posting_of_lost_block,
    World.posting_goes_elsewhere,
    World.posting_grows_tenfold,
    World.posting_grows,
    World.trade_without_legs,
    World.trade_arrives_short,
    World.control_total_changes,
    World.binding_counts_otherwise,
    World.intent_hangs,
    World.holder_is_forgotten,
)
FAULTS = (*ON_CHAIN, *IN_TABLES)


def _on(stage: Stage, platform: ChainPlatform) -> Stage:
    """The same stage, its hands on this platform."""
    copy = Stage.__new__(Stage)
    copy.__dict__.update(stage.__dict__)
    copy.platform = platform
    return copy
