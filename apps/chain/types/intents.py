"""Transactions we send, as other rooms see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

GAS_CAP = 2**24  # the most gas one transaction may ask for (EIP-7825)

INTENT_FINAL = "chain.intent_final"
INTENT_FAILED = "chain.intent_failed"


class SignerRole(TextChoices):
    """Separate keys for separate powers."""

    DEPLOYER = "DEPLOYER"  # owns factories, tokens and the settlement contract
    MINTER = "MINTER"  # agent of tokens: mints
    AGENT = "AGENT"  # agent of tokens and identity registries: registers, unpauses
    OPERATOR = "OPERATOR"  # sends trades to the settlement contract
    MANAGEMENT = "MANAGEMENT"  # management key of investors' identities, and claim signer


class Measure(TextChoices):
    """What is counted of a signer in each period."""

    TRANSACTIONS = "TRANSACTIONS"
    WEI = "WEI"  # sent with them
    UNITS = "UNITS"  # of one token, moved by them


class IntentState(TextChoices):
    """The way of a transaction. One that a person must approve begins as DRAFT; every other one as NONCED."""

    DRAFT = "DRAFT"  # above a limit of its signer: waits for a second person, without a nonce
    APPROVED = "APPROVED"  # approved; its nonce is given when its signer's limits have room for it
    NONCED = "NONCED"  # written, with its nonce, in the commit of the business fact or of the approval
    SIGNED = "SIGNED"  # signed bytes and hash stored
    BROADCAST = "BROADCAST"  # a node has it
    MINED = "MINED"  # in a block that may yet be reorganised away
    SAFE = "SAFE"  # in a stored block with so many on top that a reorganisation is unlikely
    ORPHANED = "ORPHANED"  # passed through: its block is no longer canonical, and it is BROADCAST again
    FINAL = "FINAL"  # end: succeeded as expected, in a finalized block
    REVERTED = "REVERTED"  # end: reverted, or refused by simulation and its nonce spent on nothing
    FAILED = "FAILED"  # end: succeeded by its status, but the expected event is missing
    REPLACED = "REPLACED"  # end: called off while it was on its way; its nonce was spent on nothing
    DROPPED = "DROPPED"  # end: never sent: a draft refused or withdrawn, or a stranger's transaction has its nonce


ENDED = frozenset(
    {IntentState.FINAL, IntentState.REVERTED, IntentState.FAILED, IntentState.REPLACED, IntentState.DROPPED}
)
UNNONCED = frozenset({IntentState.DRAFT, IntentState.APPROVED, IntentState.DROPPED})


class AttemptPurpose(TextChoices):
    """What the signed bytes do."""

    CALL = "CALL"  # what the intent asks for
    CANCEL = "CANCEL"  # nothing: a transfer of zero to ourselves that spends the nonce


class InterventionKind(TextChoices):
    """What a person wants done with a transaction on its way."""

    BUMP = "BUMP"  # signed anew with these fees
    CANCEL = "CANCEL"  # its nonce spent on nothing instead


class InterventionEnd(TextChoices):
    """What became of what a person wanted."""

    DONE = "DONE"  # by the sender
    LAPSED = "LAPSED"  # the transaction had ended, or paid as much already
    WITHDRAWN = "WITHDRAWN"  # taken back, or refused by the second person


class AttemptOutcome(TextChoices):
    """What became of signed bytes, once their intent has ended."""

    MINED = "MINED"  # they are in the final block
    REPLACED = "REPLACED"  # another attempt of the same nonce is: these can never be mined


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """The log without which status 1 is not success. `topic0` is 0x and 64 hex digits; any emitter if no address.

    `topics` are the indexed arguments in order, None for any; `data` is all the rest, None for any.
    """

    topic0: str
    address: str | None = None
    topics: tuple[str | None, ...] = ()
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class NewIntent:
    """What to send: see chain.services.intents.submit()."""

    signer: SignerRole
    to: str | None
    data: bytes
    kind: str
    business_key: str
    expect: ExpectedEvent | None = None
    value: int = 0
    units: int | None = None
    gas_limit: int | None = None
    party_id: UUID | None = None
    drafted_by: UUID | None = None
    approved_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class IntentView:
    """A transaction we mean to send, are sending, or have sent. `reason` is a code, `reason_detail` its words.

    `nonce` is None while it waits for approval, and of a draft that was dropped.
    """

    id: UUID
    business_key: str
    kind: str
    signer: SignerRole
    nonce: int | None
    to: str | None
    state: IntentState
    reason: str
    reason_detail: str
    tx_hash: str | None
    block_number: int | None
    block_hash: str | None
    gas_used: int | None
    event: dict[str, Any] | None
    party_id: UUID | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def given_nonce(self) -> int:
        """Its nonce. Raises ValueError while nobody has approved it."""
        if self.nonce is None:
            raise ValueError("an intent that nobody has approved has no nonce")
        return self.nonce
