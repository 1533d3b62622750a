"""What operators are told of keys. Reasons are codes; no key, no wrapped key and no answer is quoted."""

import logging

from apps.core import clock
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.db import unit_of_work
from apps.core.types import Severity
from apps.vault.kms import Disagreement, ProviderDown, ProviderError
from apps.vault.types import Purpose

log = logging.getLogger(__name__)


def purpose_key_failed(purpose: Purpose, kek_id: int | None, error: ProviderError) -> None:
    """The key service did not give a purpose key. An outage alone is the breaker's to tell."""
    log.error("purpose key unavailable", extra={"purpose": str(purpose), "kek_id": kek_id, "reason": error.reason})
    if isinstance(error, ProviderDown):
        return
    severity = Severity.CRITICAL if isinstance(error, Disagreement) else Severity.ERROR
    summary = f"The key service does not give the key of {purpose}: {error.reason}."
    with unit_of_work():
        raise_alert(dedup_key=f"vault.purpose_key:{purpose}", severity=severity, summary=summary, now=clock.now())


def purpose_key_opened(purpose: Purpose) -> None:
    """It gives the key again."""
    with unit_of_work():
        resolve_alert(dedup_key=f"vault.purpose_key:{purpose}", now=clock.now())


def subject_key_changed(key_id: object) -> None:
    """A wrapped subject key does not open: its row was changed, or moved."""
    log.error("subject key does not open", extra={"key_id": str(key_id)})
    summary = f"The stored key {key_id} was changed: what it encrypted cannot be read."
    with unit_of_work():
        raise_alert(
            dedup_key=f"vault.subject_key:{key_id}", severity=Severity.CRITICAL, summary=summary, now=clock.now()
        )
