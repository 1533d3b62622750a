"""Rows of the chain room as its engines would have written them."""

from uuid import UUID, uuid4

from apps.accounts.tests.factories import make_party
from apps.chain.models import (
    Block,
    BlockEffect,
    ChainIdentity,
    ContractAddress,
    DeadLetter,
    HolderBalance,
    Intervention,
    LateEffect,
    RawLog,
    RegistryEntry,
    Reorganisation,
    RpcEndpoint,
    Signer,
    SignerNonce,
    SignerRelease,
    SignerUse,
    StorageLayout,
    StreamCursor,
    TokenBinding,
    TokenCheck,
    TokenSupply,
    TxAttempt,
    TxAttemptOutcome,
    TxIntent,
    WatchedContract,
)
from apps.chain.types import (
    AttemptOutcome,
    AttemptPurpose,
    BindingState,
    ContractKind,
    Finality,
    InterventionKind,
    Measure,
    SignerRole,
)
from apps.core import clock

TOKEN = f"0x{0x70CE:040x}"
SIGNED_BYTES = bytes.fromhex("02f8a1deadbeefcafef00d5150")
NOW = clock.now()


def hash_of(number: int) -> str:
    """A hash nobody mistakes for another."""
    return f"0x{number:064x}"


def add(*, isin: str) -> UUID:
    """Two blocks with a log, a token, a wallet's identity, and an intent with its signed bytes; the intent's id."""
    blocks = [_block(1), _block(2)]
    place = {"block": blocks[1], "block_number": 2}
    topics = [hash_of(0xDDF252AD), hash_of(8), hash_of(9)]
    moved = {"effect": "M", "sender": f"0x{8:040x}", "recipient": f"0x{9:040x}", "amount": 25}
    facts = {"tx_hash": hash_of(77), "tx_index": 0, "address": TOKEN, "topics": topics, "data": hash_of(25)}
    log = RawLog.objects.create(**place, log_index=4, **facts, **moved)
    HolderBalance.objects.create(token=TOKEN, wallet=f"0x{9:040x}", head=25, final=25)
    TokenSupply.objects.create(token=TOKEN, head=25, final=25)
    BlockEffect.objects.create(block=blocks[1], turn=1, at=NOW)
    Reorganisation.objects.create(
        ancestor_number=1, ancestor_hash=hash_of(1), tip_number=2, tip_hash=hash_of(3), at=NOW
    )
    LateEffect.objects.create(log=log, **moved)
    DeadLetter.objects.create(**place, log_index=5, address=TOKEN, reason="data too short", found_at=NOW)
    WatchedContract.objects.create(
        address=TOKEN, kind=ContractKind.SECURITY, from_block=1, covered_to=2, covered=True, created_at=NOW
    )
    StreamCursor.objects.create(name="head", number=2, hash=hash_of(2), first_number=1, moved_at=NOW)
    RpcEndpoint.objects.create(
        name="CHAIN_RPC_URL",
        priority=1,
        since=NOW,
        head_number=2,
        head_at=NOW,
        range_blocks=2_000,
        header_calls=500,
        receipt_calls=500,
        batch_calls=200,
        checked_at=NOW,
    )
    ContractAddress.objects.create(
        name="dvp", address=f"0x{0xD4B:040x}", deployed_block=1, tx_hash=hash_of(70), created_at=NOW
    )
    _token_and_identity(isin)
    return _intent()


def _block(number: int) -> Block:
    return Block.objects.create(
        number=number,
        hash=hash_of(number),
        parent_hash=hash_of(number - 1),
        timestamp=NOW,
        state_root=hash_of(number + 100),
        receipts_root=hash_of(number + 200),
        logs_bloom=b"",
        finality=Finality.FINAL,
        final_by="TAG",
    )


def _token_and_identity(isin: str) -> None:
    binding = TokenBinding.objects.create(
        isin=isin,
        name="Example Fund",
        symbol="EXF",
        decimals=0,
        state=BindingState.LIVE,
        address=TOKEN,
        identity_registry=f"0x{0x4E6:040x}",
        deploy_block=1,
        created_at=NOW,
        live_at=NOW,
    )
    at = {"binding": binding, "block_hash": hash_of(2), "holders": 1}
    TokenCheck.objects.create(**at, block_number=2, folds="TRANSFER", unread=0, differing=0, at=NOW)
    StorageLayout.objects.create(
        **at, from_block=2, state="VERIFIED", balances_slot=hash_of(102), supply_slot=hash_of(104), verified_at=NOW
    )
    identity = ChainIdentity.objects.create(
        wallet_address=f"0x{8:040x}", party_key=make_party().pk, country=840, created_at=NOW
    )
    RegistryEntry.objects.create(wallet=identity, isin=isin, created_at=NOW)


def _intent() -> UUID:
    signer = Signer.objects.create(role=SignerRole.OPERATOR, address=f"0x{0x0BE:040x}", created_at=NOW)
    SignerNonce.objects.create(signer=signer, next=1)
    SignerUse.objects.create(signer=signer, measure=Measure.TRANSACTIONS, started_at=NOW, used=1, most=9)
    intent = TxIntent.objects.create(
        business_key="settlement:1",
        kind="settlement.call",
        signer=signer,
        nonce=0,
        to=f"0x{0xD4B:040x}",
        data=SIGNED_BYTES,
        created_at=NOW,
    )
    attempt = TxAttempt.objects.create(
        intent=intent,
        number=1,
        purpose=AttemptPurpose.CALL,
        raw=SIGNED_BYTES,
        hash=hash_of(78),
        gas_limit=900_000,
        max_fee=2 * 10**9,
        max_priority_fee=10**9,
        created_at=NOW,
    )
    TxAttemptOutcome.objects.create(attempt=attempt, outcome=AttemptOutcome.MINED, at=NOW)
    asked = {"reason": "x", "asked_by": uuid4(), "asked_at": NOW}
    Intervention.objects.create(intent=intent, kind=InterventionKind.CANCEL, needs_two=False, **asked)
    SignerRelease.objects.create(signer=intent.signer, **asked)
    return intent.pk
