"""The evidence of a break as its page shows it: chain, transaction and books side by side, a row a log."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.officers.columns import EMPTY, ends_of, grouped
from apps.reconciliation.types import BreakDetail, BreakView, EntryEvidence, LogEvidence, TransactionEvidence

HEADERS = ["On the chain", "From, to", "Units", "Transaction", "In the books", "Units", "Debit, credit"]
NOTHING = ""
MISSING = SafeString('<span class="text-red-600 dark:text-red-400">no entry</span>')


def seen_table(found: BreakView) -> dict[str, Any]:
    """What the last run that saw it said, with the entry that would mend it."""
    amounts = [_units(units, found.decimals) for units in (found.expected, found.events, found.actual)]
    cells = [found.asset, *amounts, _short(found.tx_hash), remedy_said(found.remedy, found.asset, found.decimals)]
    headers = ["Asset", "Books", "Events", "Chain", "Transaction", "Entry that would mend it"]
    return {"message": found.message, "table": {"headers": headers, "rows": [cells]}}


def evidence_table(detail: BreakDetail) -> dict[str, Any]:
    """A row a log beside what books it; then entries that no log tells, which are those of resolutions."""
    stored = detail.evidence
    entries = {entry.id: entry for entry in stored.entries}
    sent = {each.tx_hash: each for each in stored.transactions}
    rows = [_log_row(log, sent.get(log.tx_hash), entries.get(log.transfer_id or 0)) for log in stored.logs]
    told, shown = {log.tx_hash for log in stored.logs}, {log.transfer_id for log in stored.logs}
    rows += [
        [NOTHING, NOTHING, NOTHING, _sent(each), NOTHING, NOTHING, NOTHING]
        for each in sent.values()
        if each.tx_hash not in told
    ]
    rows += [[NOTHING] * 4 + _books(entry) for entry in stored.entries if entry.id not in shown]
    return {"headers": HEADERS, "rows": rows}


def remedy_said(remedy: dict[str, Any] | None, asset: str, decimals: int) -> str:
    """An entry in words."""
    if remedy is None:
        return "none: its cause is mended where it lies"
    debit, credit = (_side(remedy[side]) for side in ("debit", "credit"))
    return f"{grouped(int(remedy['amount']), decimals)} {asset} from {debit} to {credit}"


def _side(side: dict[str, Any]) -> str:
    return " ".join(filter(None, (side["kind"], side["wallet_address"])))


def _log_row(log: LogEvidence, sent: TransactionEvidence | None, entry: EntryEvidence | None) -> list[Any]:
    place = format_html(
        '<span class="whitespace-nowrap">block {}, log {}</span><br>{}',
        f"{log.block_number:,}",
        log.log_index,
        log.finality,
    )
    return [
        place,
        _ends(log.from_address, log.to_address),
        _units(log.amount, log.decimals),
        _sent(sent),
        *(_books(entry) if entry else [MISSING if log.moves else NOTHING, NOTHING, NOTHING]),
    ]


def _books(entry: EntryEvidence) -> list[Any]:
    url = reverse("admin:ledger_ledgertransfer_change", args=[entry.id])
    named = format_html(
        '<a class="underline" href="{}">transfer {}</a><br>{} {}', url, entry.id, entry.kind, entry.state
    )
    return [named, _units(entry.amount, entry.decimals), _ends(entry.debit, entry.credit)]


def _sent(sent: TransactionEvidence | None) -> str:
    if sent is None:
        return EMPTY
    if sent.intent_id is None:
        return format_html("{}<br>not sent by us", _short(sent.tx_hash))
    url = reverse("admin:chain_txintent_change", args=[sent.intent_id])
    return format_html(
        '{}<br><a class="underline" href="{}">{}</a> {}', _short(sent.tx_hash), url, sent.kind, sent.state
    )


def _ends(sender: str | None, recipient: str | None) -> str:
    return format_html("{}<br>{}", _wallet(sender), _wallet(recipient))


def _wallet(text: str | None) -> str:
    """Kind of account and the ends of an address."""
    if not text:
        return EMPTY
    *kind, address = text.split(" ")
    return format_html("{} {}", " ".join(kind), _short(address))


def _short(text: str) -> str:
    if not text:
        return EMPTY
    return format_html('<span class="font-mono whitespace-nowrap" title="{}">{}</span>', text, ends_of(text))


def _units(units: int | None, decimals: int | None) -> str:
    if units is None:
        return EMPTY
    return grouped(units, decimals) if decimals is not None else f"{units:,} base units"
