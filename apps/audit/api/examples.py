"""Examples."""

from apps.core.http.examples import AT, ISSUER, MAKER, Example, page

EXAMPLES = {
    "list_audit_logs": Example(
        answer=page(
            "/api/compliance/audit-logs",
            {
                "id": 4711,
                "created_at": AT,
                "user_id": MAKER,
                "party_id": ISSUER,
                "session_id": "0195c0d1-6f20-7b3e-9c4d-5f60718293a4",
                "request_id": "0195c0d1-6f21-7a11-8d2e-1b2c3d4e5f60",
                "ip_address": "192.0.2.17",
                "action": "issuance.requested",
                "resource_type": "issuance",
                "resource_id": "0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
                "before": None,
                "after": {"quantity": "500", "status": "REQUESTED"},
            },
            as_of_sequence=4711,
        )
    )
}
