"""Examples."""

from apps.core.http.examples import AT, ISSUER, MAKER, Example, page

EXAMPLES = {
    "list_audit_logs": Example(
        answer=page(
            "/api/compliance/audit-logs",
            {
                "id": 4711,
                "created_at": AT,
                "user": MAKER,
                "party_id": ISSUER,
                "session_id": "0195c0d1-6f20-7b3e-9c4d-5f60718293a4",
                "request_id": "0195c0d1-6f21-7a11-8d2e-1b2c3d4e5f60",
                "ip": "192.0.2.17",
                "user_agent": "Mozilla/5.0",
                "action": "issuance.requested",
                "resource": "issuance/0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
                "resource_type": "issuance",
                "resource_id": "0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
                "stream_seq": 1,
                "before": None,
                "after": {"quantity": "500", "status": "REQUESTED"},
                "committed": {"ip": "5b8e" * 16, "user_agent": "90c1" * 16},
                "source": "app",
                "record_class": "audit_trail",
            },
            as_of_sequence=4711,
        )
    )
}
