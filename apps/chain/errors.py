"""Business refusals of the chain room, and what a node may answer instead of a result."""

from typing import Any

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class ChainUnavailable(DomainError):
    """The node did not answer in time, or not with JSON-RPC. Unknown is not zero: nothing may be concluded."""

    code, kind, message = "chain_unavailable", Kind.UNAVAILABLE, "The chain node does not answer: try again."


class WrongChain(DomainError):
    """Another chain answers behind the configured URL."""

    code, kind, message = "wrong_chain", Kind.UNAVAILABLE, "The node serves another chain than the configured one."


class ChainMismatch(Conflict):
    """The books and the node do not belong together: same chain id, another history."""

    code, message = (
        "chain_mismatch",
        "These books were kept against another chain: reset both, or point to the right node.",
    )


class DeploymentFailed(DomainError):
    """A transaction of the deployment failed, or is not mined."""

    code, kind = "deployment_failed", Kind.UNPROCESSABLE
    message = "The platform's contracts could not be deployed."


class UnknownIntent(NotFound):
    """No such intent, or not the caller's to see."""

    code, message = "unknown_intent", "There is no such intent."


class UnknownTransaction(NotFound):
    """The node knows no such transaction: neither mined nor waiting."""

    code, message = "unknown_transaction", "The chain node knows no such transaction."


class TransactionPending(Conflict):
    """The transaction waits in the node's pool."""

    code, message = "transaction_pending", "The transaction is not mined yet: try again when it is in a block."


class ContractNotWatched(DomainError):
    """The transaction logged nothing of a contract whose logs are kept."""

    code, kind = "contract_not_watched", Kind.UNPROCESSABLE
    message = "The transaction has no event of a contract that is watched."


class EndpointDisabled(Conflict):
    """A node that only a person lets back cannot be set aside for a while."""

    code, message = "endpoint_disabled", "The node is not asked until it is released: release it first."


class UnknownDeadLetter(NotFound):
    """No such dead letter, or it is resolved."""

    code, message = "unknown_dead_letter", "There is no such dead letter, or it is resolved."


class DeadLetterStep(Conflict):
    """Its dismissal was asked for already, or was not yet."""

    code, message = "dead_letter_step", "The dismissal was asked for already, or nobody has asked for it yet."


class StillUndecodable(Conflict):
    """The codec of today does not read the log either."""

    code, message = "still_undecodable", "The log does not decode with this version either."


class UnknownContract(DomainError):
    """A contract the platform needs is not deployed: ours to mend, not the caller's."""

    code, kind = "unknown_contract", Kind.UNAVAILABLE
    message = "The platform's contracts are not deployed: run deploy_contracts."


class UnknownToken(NotFound):
    """No token is bound to this ISIN."""

    code, message = "unknown_token", "No token is bound to this ISIN."


class NoSuchToken(NotFound):
    """There is no contract at that address as of the last final block."""

    code, message = "no_such_token", "There is no contract at this address yet: it must be final on the chain."


class TokenMismatch(DomainError):
    """The contract is not the token it is said to be: the context names what differs."""

    code, kind = "token_mismatch", Kind.UNPROCESSABLE
    message = "The contract does not fit the security: its standard, decimals, name or first block differ."


class LayoutUnverified(DomainError):
    """Where the token's code keeps its balances is not known for that block: no proof may rest on it."""

    code, kind = "chain_layout_unverified", Kind.UNAVAILABLE
    message = "The token's storage layout is not verified for that block: verify it first."


class TokenBound(Conflict):
    """Another token speaks for this ISIN, or this token for another ISIN."""

    code, message = "token_bound", "This ISIN or this token is already bound."


class TokenInUse(Conflict):
    """The token cannot end yet: `why` is supply, transactions, deployment or blocks."""

    code, message = "token_in_use", "This token cannot end yet."


class WalletTaken(Conflict):
    """The wallet's identity belongs to another party."""

    code, message = "wallet_taken", "This wallet belongs to another party."


class ClaimNotFinal(Conflict):
    """The wallet has no identity with a final claim yet."""

    code, message = "claim_not_final", "The wallet's KYC claim is not on chain yet."


class SignerUnavailable(DomainError):
    """The signer is not set up, frozen, or its key is not configured."""

    code, kind, message = "signer_unavailable", Kind.UNAVAILABLE, "The signer of this transaction is not available."


class IntentConflict(Conflict):
    """The business key is already used by an intent of other content."""

    code, message = "intent_conflict", "This business key already names another transaction."


class CallNotPermitted(DomainError):
    """The policy does not let this signer's role say this to that contract. Nothing is written, no nonce taken."""

    code, kind = "call_not_permitted", Kind.FORBIDDEN
    message = "The signer's role may not send this call to this address."


class SignerLimit(Conflict):
    """One transaction would send more than its signer may in a whole period: it could never be sent."""

    code, message = "signer_limit", "This is more than the signer may send in a whole period."


class IntentDecided(Conflict):
    """The draft has been approved or dropped."""

    code, message = "intent_decided", "This transaction has been decided."


class IntentMoved(Conflict):
    """An intent is not in the state it was read in: somebody else moved it."""

    code, message = "intent_moved", "This transaction has moved on."


class InterventionOpen(Conflict):
    """Somebody has asked for something about this transaction, or signer, that is not done yet."""

    code, message = "chain_intervention_open", "Something else is asked for and not done yet: withdraw it first."


class InterventionEnded(Conflict):
    """It is approved, done, lapsed or withdrawn."""

    code, message = "chain_intervention_ended", "This is decided already."


class UnknownIntervention(NotFound):
    """There is none of this id."""

    code, message = "unknown_chain_intervention", "Nothing of this id was asked for."


class FeeOutOfRange(InvalidValue):
    """No pool takes it in the place of what was sent, or it is above what people may offer."""

    code = "chain_fee_out_of_range"
    message = "Both fees are at least an eighth above the last, the tip is no more than the whole, and both are capped."


class SignerNotFrozen(Conflict):
    """There is nothing to release."""

    code, message = "chain_signer_not_frozen", "This signer is not frozen."


class RpcError(Exception):
    """The node answered a call with a JSON-RPC error object."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.data = code, message, data

    @property
    def reverted(self) -> bool:
        """Whether it says that execution reverted (geth and anvil: code 3)."""
        return self.code == 3 or "revert" in self.message.lower()


class NotCovered(DomainError):
    """The contract's logs are not known whole up to that block. Unknown is not zero."""

    code, kind = "chain_not_covered", Kind.UNAVAILABLE
    message = "The contract's logs are not complete up to that final block yet."


class UndecodedLogs(DomainError):
    """A log of the contract could not be decoded: no cut-off at or past its block until it is resolved."""

    code, kind = "chain_undecoded_logs", Kind.UNAVAILABLE
    message = "A log of the contract could not be decoded: resolve it before a cut-off."


class IncompleteAnswer(DomainError):
    """The node's answer contradicts the block headers: nothing of it is kept, and the range is not covered."""

    code, kind = "chain_incomplete_answer", Kind.UNAVAILABLE
    message = "The node's answer does not agree with the block headers."


class NodeBehind(DomainError):
    """The node's newest block is older than ours: it lags. Never a reason to rewind."""

    code, kind, message = "chain_node_behind", Kind.UNAVAILABLE, "The chain node is behind: try another, or later."


class NodePruned(DomainError):
    """The node has thrown the logs of that block away: another may have them."""

    code, kind = "chain_node_pruned", Kind.UNAVAILABLE
    message = "The chain node no longer has the logs of that block."


class NoEndpoint(DomainError):
    """Every configured node was disabled: it serves another chain, or lied again and again. A person must look."""

    code, kind = "chain_no_endpoint", Kind.UNAVAILABLE
    message = "No configured chain node may be asked: all are disabled."


class UnknownEndpoint(NotFound):
    """No node is configured under this name."""

    code, message = "unknown_endpoint", "No chain node is configured under this name."


class WatchConflict(Conflict):
    """The contract is watched already, as another kind."""

    code, message = "watch_conflict", "The contract is already watched as another kind."


class CursorMoved(Conflict):
    """The stream's cursor is not where this step began: another worker moved it, and the step is discarded."""

    code, message = "chain_cursor_moved", "Another worker moved the stream's cursor; this step was discarded."
