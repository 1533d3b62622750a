"""Business refusals of securities."""

from apps.core.errors import Conflict, InvalidValue, NotFound


class UnknownSecurity(NotFound):
    """No security has this ISIN."""

    code, message = "unknown_security", "There is no security with this ISIN."


class DuplicateIsin(Conflict):
    """A security with this ISIN exists."""

    code, message = "duplicate_isin", "A security with this ISIN exists already."


class InvalidIsin(InvalidValue):
    """Not an ISIN (ISO 6166)."""

    code, message = "invalid_isin", "This is not a valid ISIN: 12 characters, the last of which is a check digit."


class InvalidCfi(InvalidValue):
    """Not a classification (ISO 10962)."""

    code, message = "invalid_cfi", 'This is not a CFI code: six letters of ISO 10962, such as "ESVUFR".'


class UnknownCashAsset(InvalidValue):
    """No such cash is settled here; `context.known` lists what is."""

    code, message = "unknown_cash_asset", "Securities do not settle in this cash asset here."


class TermsNotPositive(InvalidValue):
    """Tick, lot or minimum is not above zero."""

    code, message = "terms_not_positive", "Tick, lot and minimum quantity must be above zero."


class TermsOutOfOrder(InvalidValue):
    """The maximum is below the minimum."""

    code, message = "terms_out_of_order", "The maximum quantity is below the minimum."


class TermsNotInLots(InvalidValue):
    """Minimum or maximum is no multiple of the lot."""

    code, message = "terms_not_in_lots", "Minimum and maximum quantity must be whole multiples of the lot."


class TickTimesLotNotWhole(InvalidValue):
    """A fill could round."""

    code = "tick_times_lot_not_whole"
    message = "Tick times lot must be a whole number of the cash asset's smallest units, so that no trade rounds."


class SecurityNotDraft(Conflict):
    """Only a DRAFT security can be activated."""

    code, message = "security_not_draft", "The security is halted: it cannot be activated."
