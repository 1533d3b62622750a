"""Business refusals of this room."""

from apps.core.errors import Conflict, DomainError, InvalidValue, Kind, NotFound


class UnknownIssuance(NotFound):
    """No such issuance, or not the caller's to see."""

    code, message = "unknown_issuance", "There is no such issuance."


class RequestIdReused(Conflict):
    """A client request id names one request for ever."""

    code, message = "request_id_reused", "This client_request_id was used for another request."


class IssuanceDecided(Conflict):
    """The request has been approved or rejected."""

    code, message = "issuance_decided", "This issuance has been decided already."


class AuthorizedExceeded(DomainError):
    """More would be issued than the security authorizes."""

    code, kind = "authorized_exceeded", Kind.UNPROCESSABLE
    message = "Issued and requested quantities together would exceed the authorized quantity."


class HolderUnclear(InvalidValue):
    """The holder is named by a party or a wallet, one of them."""

    code, message = "holder_unclear", "Name the holder by party_id or by wallet_address, not both."


class UnknownHolder(InvalidValue):
    """Nobody here owns that wallet, or there is no such party."""

    code, message = "unknown_holder", "No party with a proved wallet answers to this."


class TokenNotLive(Conflict):
    """The security has no live token on the chain."""

    code, message = "token_not_live", "The token of this security is not live yet."
