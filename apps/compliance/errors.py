"""Refusals of compliance."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class TransferRestricted(DomainError):
    """The party is not eligible; its context names every rule that refused (in ERC-3643, a restricted transfer)."""

    code, kind = "transfer_restricted", Kind.FORBIDDEN
    message = "This party may not do this with this security: see the reasons."


class UnknownInvestor(NotFound):
    """No profile, or not the caller's to see."""

    code, message = "unknown_investor", "There is no such investor."


class KycAlreadyDecided(Conflict):
    """A rejection stands until a new review is opened."""

    code = "kyc_already_decided"
    message = "This investor's identity was already decided this way."


class InvalidExpiry(InvalidValue):
    """An approval must expire in the future."""

    code, message = "invalid_expiry", "The expiry must lie in the future."


class ChallengeExpired(Conflict):
    """Unknown, used, expired, or another party's."""

    code = "challenge_expired"
    message = "This challenge cannot be used (any more): ask for a new one."


class WrongSignature(InvalidValue):
    """The signature is not this wallet's over this message."""

    code = "wrong_signature"
    message = "The signature is not this wallet's over the challenge message (EIP-191 personal_sign)."


class WalletTaken(Conflict):
    """Another party has proved this wallet."""

    code, message = "wallet_taken", "This wallet already belongs to a party."
