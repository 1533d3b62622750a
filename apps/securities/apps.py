"""Django application."""

from django.apps import AppConfig


class SecuritiesConfig(AppConfig):
    name = "apps.securities"

    def ready(self) -> None:
        from apps.audit.services.watching import watch
        from apps.core.db import constraint_error
        from apps.securities import errors
        from apps.securities.models import Issuer, Security, TradingTerms

        constraint_error("securities_security_pkey", errors.DuplicateIsin)
        constraint_error("terms_all_positive", errors.TermsNotPositive)
        constraint_error("terms_min_to_max", errors.TermsOutOfOrder)
        constraint_error("terms_in_lots", errors.TermsNotInLots)
        constraint_error("terms_tick_times_lot_whole", errors.TickTimesLotNotWhole)
        watch(Issuer, Security, TradingTerms)
