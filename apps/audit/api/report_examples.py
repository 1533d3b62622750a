"""Examples of the compliance reports."""

from typing import Any

from apps.core.http.examples import ALICE, AT, CHECKER, ISSUER, OFFICER, PLATFORM, Example, page

SESSION, REQUEST = "0195c0d1-6f20-7b3e-9c4d-5f60718293a4", "0195c0d1-6f21-7a11-8d2e-1b2c3d4e5f60"


def report(name: str, **row: Any) -> Example:
    """A page of a report with one event on it."""
    event = {
        "id": 4711,
        "created_at": AT,
        "user": OFFICER,
        "party_id": PLATFORM,
        "session_id": SESSION,
        "request_id": REQUEST,
        "before": None,
        "source": "app",
    }
    return Example(answer=page(f"/api/compliance/reports/{name}", event | row, as_of_sequence=4711))


REPORTS = {
    "data_access_report": report(
        "data-access",
        action="audit.data_viewed",
        resource_type="investor",
        resource_id=ALICE,
        after={"subjects": [ALICE]},
        subjects=[ALICE],
    ),
    "approvals_report": report(
        "approvals",
        user=CHECKER,
        party_id=ISSUER,
        action="issuance.approved",
        resource_type="issuance",
        resource_id="0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
        before={"status": "REQUESTED"},
        after={"intent_id": "0195c0d3-2b30-7d55-8c2e-8f90a1b2c3d4", "status": "SUBMITTED"},
    ),
    "configuration_report": report(
        "configuration",
        action="accounts.user_added",
        resource_type="user",
        resource_id=CHECKER,
        after={"party_id": ISSUER, "rate_tier": "", "role": "ISSUER", "user_id": CHECKER},
    ),
    "failed_access_report": report(
        "failed-access",
        action="audit.access_refused",
        resource_type="kyc",
        resource_id=ALICE,
        after={"method": "POST", "status": "403"},
        ip="192.0.2.17",
        user_agent="Mozilla/5.0",
    ),
}
