"""Books beside a chain on paper: final blocks are written as ingestion writes them, with the events we choose."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from eth_abi import encode

from apps.accounts.tests.factories import make_party
from apps.chain import codec
from apps.chain.models import (
    ContractAddress,
    Signer,
    SignerNonce,
    StreamCursor,
    TokenBinding,
    TxAttempt,
    WatchedContract,
)
from apps.chain.services.calldata import mint
from apps.chain.services.intents import submit
from apps.chain.services.preparing import prepare
from apps.chain.services.storing import store_blocks, store_logs
from apps.chain.testing.powers import anything
from apps.chain.types import (
    AttemptPurpose,
    BindingState,
    ContractKind,
    SignerRole,
    TradeFailed,
    TradeSettled,
    Transfer,
)
from apps.chain.wire import Header, WireLog
from apps.core import clock
from apps.core.daemon import Leadership, elect
from apps.core.db import unit_of_work
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.assets import register_asset
from apps.ledger.services.transfers import pend_many, transfer_many
from apps.ledger.types import AccountKey, AccountKind, PendingTransfer, TransferKind
from apps.ledger.types import Transfer as LedgerMove
from apps.settlement.models import SettlementInstruction
from apps.settlement.projections import project_next
from apps.settlement.services.instructions import instruct_many
from apps.settlement.tests.logs import ALICE, BOB, CASH, DVP, SHARES, Block, new_hash
from apps.settlement.types import InstructionDraft

ISIN, USDX = "US0378331005", "USDX"
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GENESIS = "0x" + "00" * 32
TOPIC_OF = {layout.event: topic for (topic, _), layout in codec.LAYOUTS.items()}


def wire(log: object, block: Block) -> WireLog:
    """A log as the node would have given it."""
    event = log.event
    if isinstance(event, Transfer):
        topics = [codec.TRANSFER, pad(event.sender), pad(event.recipient)]
        data = encode(["uint256"], [event.amount])
    elif isinstance(event, TradeSettled):
        topics = [TOPIC_OF[TradeSettled], event.id, pad(event.seller), pad(event.buyer)]
        data = encode(
            ["address", "uint256", "address", "uint256"], [event.security, event.quantity, event.payment, event.amount]
        )
    elif isinstance(event, TradeFailed):
        topics = [TOPIC_OF[TradeFailed], event.id]
        data = encode(["bytes"], [bytes.fromhex(event.reason[2:])])
    else:
        raise TypeError(event)
    return WireLog(
        block.number, block.hash, log.log_index, log.tx_hash, 0, log.address, tuple(topics), "0x" + data.hex()
    )


def pad(address: str) -> str:
    return "0x" + "00" * 12 + address[2:]


class Paper:
    """One security, one cash token, the settlement contract, and as many final blocks as a test adds."""

    def __init__(self) -> None:
        self.height, self.tip = 0, GENESIS
        self.alice, self.bob = make_party(), make_party()
        with unit_of_work():
            self._contracts()
            register_asset(ISIN, 0)
            register_asset(USDX, 6)

    def _contracts(self) -> None:
        now = clock.now()
        for number, (name, address) in enumerate({"dvp": DVP, "payment_token": CASH}.items()):
            ContractAddress.objects.create(
                name=name, address=address, deployed_block=1, tx_hash=f"0x{0xF0 + number:064x}", created_at=now
            )
        TokenBinding.objects.create(
            isin=ISIN,
            name="Example",
            symbol=ISIN,
            decimals=0,
            state=BindingState.LIVE,
            address=SHARES,
            identity_registry=f"0x{0x1D:040x}",
            deploy_block=1,
            created_at=now,
            live_at=now,
        )
        for address, kind in {DVP: "DVP", CASH: "CASH", SHARES: "SECURITY"}.items():
            WatchedContract.objects.create(
                address=address, kind=ContractKind(kind), from_block=1, covered_to=1, covered=True, created_at=now
            )
        for role in (SignerRole.AGENT, SignerRole.OPERATOR):
            signer = Signer.objects.create(role=role, address=f"0x{len(role):040x}", created_at=now)
            SignerNonce.objects.create(signer=signer, next=0)

    def add(self, block: Block) -> None:
        """Make a block the next final one; its number and parent are set here."""
        self.height += 1
        block.number = self.height
        header = Header(
            block.number, block.hash, self.tip, int(self.time_of(block.number).timestamp()), GENESIS, GENESIS, 0
        )
        with unit_of_work():
            ids = store_blocks([header], final_by="TAG")
            store_logs(prepare([wire(log, block) for log in block.logs], {}), ids, now=clock.now())
            StreamCursor.objects.update_or_create(
                name="blocks",
                defaults={"number": block.number, "hash": block.hash, "first_number": 1, "moved_at": clock.now()},
            )
        self.tip = block.hash

    @staticmethod
    def time_of(number: int) -> datetime:
        """Chain time: a block each twelve seconds."""
        return START + timedelta(seconds=12 * number)

    def project(self, leadership: Leadership | None = None) -> None:
        """Project whatever is final."""
        mine = leadership or elect("projector")
        assert mine
        while project_next(leadership=mine, now=clock.now(), limit=10):
            pass

    def account(self, asset: str, kind: AccountKind, wallet: str | None = None) -> UUID:
        """An account's id."""
        key = AccountKey(asset, kind, wallet)
        with unit_of_work():
            return ensure_accounts(keys={key})[key]

    def fund(self, wallet: str, *, shares: int = 0, cash: int = 0) -> None:
        """Put something into a wallet's accounts."""
        moves = [
            (ISIN, AccountKind.ISSUANCE, AccountKind.POSITION, shares),
            (USDX, AccountKind.EXTERNAL, AccountKind.CASH, cash),
        ]
        with unit_of_work():
            transfer_many(
                LedgerMove(
                    f"fund:{new_hash()}",
                    self.account(asset, control),
                    self.account(asset, holding, wallet),
                    amount,
                    TransferKind.CORRECTION,
                    "test",
                    START,
                )
                for asset, control, holding, amount in moves
                if amount
            )

    def trade(self, quantity: int = 10, amount: int = 500, **changes: object) -> SettlementInstruction:
        """A trade of Alice selling to Bob, both funded, as the matcher leaves it."""
        self.fund(ALICE, shares=quantity)
        self.fund(BOB, cash=amount)
        draft = self.draft(quantity, amount, **changes)
        legs = {
            "security": (draft.security_debit_account_id, draft.security_credit_account_id, quantity),
            "cash": (draft.cash_debit_account_id, draft.cash_credit_account_id, amount),
        }
        kinds = {"security": TransferKind.SETTLEMENT_SECURITY, "cash": TransferKind.SETTLEMENT_CASH}
        with unit_of_work():
            pend_many(
                PendingTransfer(f"{draft.trade_ref}:{leg}", *ends, kinds[leg], draft.trade_ref, START)
                for leg, ends in legs.items()
            )
            ids = instruct_many(drafts=[draft], now=clock.now())
        return SettlementInstruction.objects.get(pk=ids[draft.trade_ref])

    def draft(self, quantity: int = 10, amount: int = 500, **changes: object) -> InstructionDraft:
        """What the matcher hands over."""
        fields: dict[str, object] = {
            "trade_ref": f"trade:{new_hash()[-8:]}",
            "isin": ISIN,
            "seller_party_id": self.alice.pk,
            "buyer_party_id": self.bob.pk,
            "seller_wallet": ALICE,
            "buyer_wallet": BOB,
            "security_debit_account_id": self.account(ISIN, AccountKind.POSITION, ALICE),
            "security_credit_account_id": self.account(ISIN, AccountKind.POSITION, BOB),
            "cash_debit_account_id": self.account(USDX, AccountKind.CASH, BOB),
            "cash_credit_account_id": self.account(USDX, AccountKind.CASH, ALICE),
            "quantity": quantity,
            "cash_asset": USDX,
            "cash_amount": amount,
            "trade_date": date(2026, 3, 2),
            "intended_settlement_date": date(2026, 3, 2),
        }
        return InstructionDraft(**(fields | changes))

    def intent_with_tx(self, role: SignerRole = SignerRole.OPERATOR, data: bytes | None = None) -> tuple[UUID, str]:
        """An intent of ours that was signed, and the hash of its chain transaction."""
        tx_hash, now = new_hash(), clock.now()
        with anything(), unit_of_work():
            intent = submit(signer=role, to=DVP, data=data or mint(BOB, 1), kind="test", business_key=tx_hash, now=now)
            TxAttempt.objects.create(
                intent_id=intent.id,
                number=1,
                purpose=AttemptPurpose.CALL,
                raw=b"\x01",
                hash=tx_hash,
                gas_limit=21_000,
                max_fee=1,
                max_priority_fee=1,
                created_at=now,
            )
        return intent.id, tx_hash
