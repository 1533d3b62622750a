"""Refusals of the books."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class InsufficientBalance(DomainError):
    """An account would hold or pay more than it has. `context["account_ids"]` names the accounts."""

    code, kind = "insufficient_balance", Kind.UNPROCESSABLE
    message = "The balance does not cover this."


class HoldOverReleased(Conflict):
    """More would be released than is held. `context["account_ids"]` names the accounts."""

    code, message = "hold_over_released", "More would be released than is held."


class IdempotencyConflict(Conflict):
    """A used key came back with other content. `context["idem_keys"]` names the keys."""

    code, message = "idempotency_conflict", "This key was used before for something else."


class AlreadyResolved(Conflict):
    """The pending transfer was posted, voided or expired before. `context["pending_idem_keys"]` names them."""

    code, message = "already_resolved", "The pending transfer has already been resolved."


class UnknownTransfer(NotFound):
    """No pending transfer has this key."""

    code, message = "unknown_transfer", "There is no such pending transfer."


class UnknownAccount(NotFound):
    """No such account in the books."""

    code, message = "unknown_account", "There is no such account."


class UnknownAsset(NotFound):
    """The asset was never registered: register_asset() comes first."""

    code, message = "unknown_asset", "There is no such asset in the books."


class AssetMismatch(InvalidValue):
    """A transfer would join two assets."""

    code, message = "asset_mismatch", "A transfer joins two accounts of one asset."


class AssetConflict(Conflict):
    """The asset is registered with another number of decimals."""

    code, message = "asset_conflict", "The asset is registered with other decimals."


class WalletOwned(Conflict):
    """The wallet belongs to another party."""

    code, message = "wallet_owned", "This wallet belongs to another party."
