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
    AGENT = "AGENT"  # agent of tokens and identity registries: mints, registers, unpauses
    OPERATOR = "OPERATOR"  # sends trades to the settlement contract
    MANAGEMENT = "MANAGEMENT"  # management key of investors' identities, and claim signer


class IntentState(TextChoices):
    """The way of a transaction: NONCED, SIGNED, BROADCAST, MINED, then one of three ends."""

    NONCED = "NONCED"  # written, with its nonce, in the commit of the business fact
    SIGNED = "SIGNED"  # signed bytes and hash stored
    BROADCAST = "BROADCAST"  # a node has it
    MINED = "MINED"  # in a block that may yet be reorganised away
    FINAL = "FINAL"  # end: succeeded as expected, in a finalized block
    REVERTED = "REVERTED"  # end: reverted, or refused by simulation and its nonce spent on nothing
    FAILED = "FAILED"  # end: succeeded by its status, but the expected event is missing


ENDED = frozenset({IntentState.FINAL, IntentState.REVERTED, IntentState.FAILED})


class AttemptPurpose(TextChoices):
    """What the signed bytes do."""

    CALL = "CALL"  # what the intent asks for
    CANCEL = "CANCEL"  # nothing: a transfer of zero to ourselves that spends the nonce


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """The log without which status 1 is not success. `topic0` is 0x and 64 hex digits; any emitter if no address."""

    topic0: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class IntentView:
    """A transaction we mean to send, are sending, or have sent. `reason` is a code, `reason_detail` its words."""

    id: UUID
    business_key: str
    kind: str
    signer: SignerRole
    nonce: int
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
