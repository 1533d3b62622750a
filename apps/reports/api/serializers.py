"""Shapes of requests and answers. Amounts are decimal strings; a ratio has four digits and is null of nothing."""

from typing import Any

from rest_framework import serializers

from apps.core.http.serializers import DayField, IsinField, StrictSerializer
from apps.dex.types import OrderState
from apps.issuance.types import IssuanceStatus
from apps.reconciliation.types import RunStatus
from apps.settlement.types import ProcessingStatus, SettlementStatus


class PeriodSerializer(StrictSerializer):
    """Which securities and days."""

    isin = IsinField(required=False)
    date_from = DayField(required=False, help_text="First day, UTC.")
    date_to = DayField(required=False, help_text="Last day, UTC, inclusive.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs.get("date_from"), attrs.get("date_to")
        if first and last and first > last:
            raise serializers.ValidationError({"date_to": "The last day is before the first."})
        return attrs


class TradingQuerySerializer(PeriodSerializer):
    """With the status of orders."""

    status = serializers.ChoiceField(choices=[s for s in OrderState.values if s != OrderState.PENDING], required=False)


class SettlementQuerySerializer(PeriodSerializer):
    """With the status of instructions."""

    status = serializers.ChoiceField(
        choices=[*SettlementStatus.values, *(s for s in ProcessingStatus.values if s != ProcessingStatus.PACK)],
        required=False,
    )


class IssuanceQuerySerializer(PeriodSerializer):
    """With the status of requests."""

    status = serializers.ChoiceField(choices=IssuanceStatus.values, required=False)


class ReconciliationQuerySerializer(PeriodSerializer):
    """With the status of runs."""

    status = serializers.ChoiceField(choices=RunStatus.values, required=False)


class FiltersSerializer(serializers.Serializer):
    """The query as it was understood."""

    isin = serializers.CharField(allow_null=True)
    status = serializers.CharField(allow_null=True)
    date_from = serializers.DateField(allow_null=True)
    date_to = serializers.DateField(allow_null=True)


class ReportSerializer(serializers.Serializer):
    """What makes a report citable."""

    name = serializers.CharField()
    as_of = serializers.DateTimeField()
    ledger_sequence = serializers.IntegerField(help_text="The newest ledger transfer the report saw.")
    block_number = serializers.IntegerField(allow_null=True, help_text="The last final block in the books.")
    block_hash = serializers.CharField(allow_null=True)
    filters = FiltersSerializer(source="query")
    row_count = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of `rows` as JSON with sorted keys and no spaces, in UTF-8.")


class TradingRowSerializer(serializers.Serializer):
    """Trading in one security."""

    isin = serializers.CharField()
    cash_asset = serializers.CharField()
    orders = serializers.IntegerField()
    orders_rejected = serializers.IntegerField()
    quantity_ordered = serializers.CharField(help_text="Of orders that were not rejected.")
    quantity_filled = serializers.CharField()
    fill_rate = serializers.CharField(allow_null=True, help_text="Quantity filled / quantity ordered.")
    trades = serializers.IntegerField()
    volume = serializers.CharField(help_text="Units traded.")
    turnover = serializers.CharField(help_text="Cash traded.")
    vwap = serializers.CharField(allow_null=True, help_text="Turnover / volume, to the cash asset's last decimal.")
    average_trade_value = serializers.CharField(allow_null=True)
    order_to_trade_ratio = serializers.CharField(allow_null=True)


class StatusFiguresSerializer(serializers.Serializer):
    """Instructions of one status and reason."""

    status = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    instructions = serializers.IntegerField()
    quantity = serializers.CharField()
    cash_value = serializers.CharField()


class FailingSerializer(serializers.Serializer):
    """Failing instructions by days past the intended settlement date."""

    days = serializers.CharField()
    instructions = serializers.IntegerField()
    cash_value = serializers.CharField()
    oldest_days = serializers.IntegerField()


class SettlementRowSerializer(serializers.Serializer):
    """Settlement of one security."""

    isin = serializers.CharField()
    cash_asset = serializers.CharField()
    instructions = serializers.IntegerField()
    cash_value = serializers.CharField()
    settled = serializers.IntegerField()
    settled_cash_value = serializers.CharField()
    settlement_rate_by_count = serializers.CharField(allow_null=True)
    settlement_rate_by_value = serializers.CharField(allow_null=True)
    by_status = StatusFiguresSerializer(many=True)
    failing = FailingSerializer(many=True)


class HolderSerializer(serializers.Serializer):
    """One of the ten largest holders."""

    wallet_address = serializers.CharField()
    quantity = serializers.CharField()
    share = serializers.CharField(allow_null=True, help_text="Of what is outstanding.")


class RequestFiguresSerializer(serializers.Serializer):
    """Requests of one status."""

    status = serializers.CharField()
    requests = serializers.IntegerField()
    quantity = serializers.CharField()


class IssuanceRowSerializer(serializers.Serializer):
    """Issuance of one security."""

    isin = serializers.CharField()
    name = serializers.CharField()
    authorized = serializers.CharField()
    issued = serializers.CharField()
    reserved = serializers.CharField(help_text="By requests under way.")
    outstanding = serializers.CharField(help_text="Held by wallets, as settled.")
    holders = serializers.IntegerField()
    top_holders = HolderSerializer(many=True)
    requests = RequestFiguresSerializer(many=True)
    pending_requests = serializers.IntegerField()
    pending_quantity = serializers.CharField()


class RunFiguresSerializer(serializers.Serializer):
    """Runs of one status."""

    status = serializers.CharField()
    runs = serializers.IntegerField()


class BreakFiguresSerializer(serializers.Serializer):
    """Breaks of one kind and state."""

    kind = serializers.CharField()
    state = serializers.CharField()
    breaks = serializers.IntegerField()
    first_seen_at = serializers.DateTimeField()
    oldest_days = serializers.IntegerField(allow_null=True, help_text="Calendar days; null for cleared ones.")
    aged = serializers.IntegerField(help_text="Of the open ones, those aged: open for more days than the policy says.")


class AgeSerializer(serializers.Serializer):
    """Open breaks of one span of ages."""

    days = serializers.CharField()
    breaks = serializers.IntegerField()


class AgeingSerializer(serializers.Serializer):
    """Aged record differences after SEC rule 17Ad-11. The market value is units times the last price of the month."""

    open = serializers.IntegerField()
    aged = serializers.IntegerField(help_text="Open for more calendar days than the policy says: 30, or fewer.")
    oldest_days = serializers.IntegerField(allow_null=True)
    by_age = AgeSerializer(many=True)
    month_end = serializers.DateField(help_text="Of the last month that is over.")
    due_date = serializers.DateField(help_text="Until when what is aged then is reported: ten business days later.")
    aged_at_month_end = serializers.IntegerField()
    aged_quantity = serializers.CharField(help_text="Units of the security that differ in those, as far as known.")
    without_quantity = serializers.IntegerField(help_text="Of those, how many whose units are not known.")
    price = serializers.CharField(allow_null=True, help_text="Last trade before the end of the month; null: none.")
    priced_at = serializers.DateTimeField(allow_null=True)
    cash_asset = serializers.CharField(allow_null=True)
    aged_value = serializers.CharField(allow_null=True)
    capitalization = serializers.CharField(allow_null=True, help_text="Issued units at that price.")
    instrument = serializers.CharField(help_text="EQUITY or DEBT, by the CFI code.")
    threshold_usd = serializers.IntegerField(allow_null=True)
    exceeds_threshold = serializers.BooleanField(allow_null=True, help_text="Null: not known, for what `unknown` says.")
    unknown = serializers.ListField(
        child=serializers.ChoiceField(choices=["PRICE", "CURRENCY", "ISSUED", "UNITS"]),
        help_text="What is missing for a value: a trade, a cash asset in dollars, the issued total, units that differ.",
    )


class LastRunSerializer(serializers.Serializer):
    """The newest run and its cut-off."""

    id = serializers.UUIDField()
    status = serializers.CharField()
    finished_at = serializers.DateTimeField()
    block_number = serializers.IntegerField(allow_null=True)
    block_hash = serializers.CharField(allow_null=True)
    ledger_sequence = serializers.IntegerField(allow_null=True)


class ReconciliationRowSerializer(serializers.Serializer):
    """Reconciliation of one security."""

    isin = serializers.CharField()
    runs = serializers.IntegerField()
    runs_by_status = RunFiguresSerializer(many=True)
    breaks_open = serializers.IntegerField()
    breaks = BreakFiguresSerializer(many=True)
    ageing = AgeingSerializer()
    last_run = LastRunSerializer(allow_null=True)


class TradingReportSerializer(ReportSerializer):
    """Trading per security."""

    rows = TradingRowSerializer(many=True)


class SettlementReportSerializer(ReportSerializer):
    """Settlement per security."""

    rows = SettlementRowSerializer(many=True)


class IssuanceReportSerializer(ReportSerializer):
    """Issuance per security."""

    rows = IssuanceRowSerializer(many=True)


class ReconciliationReportSerializer(ReportSerializer):
    """Reconciliation per security."""

    rows = ReconciliationRowSerializer(many=True)
