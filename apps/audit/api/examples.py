"""Examples."""

from apps.audit.api.report_examples import REPORTS
from apps.core.http.examples import AT, ISSUER, MAKER, Example, page

ROOT = "7d1f0c2be4a85963f0d1c2b3a4958677e6d5c4b3a29180706f5e4d3c2b1a0918"
SIBLING = "c3a9f8e7d6b5a4938271605f4e3d2c1b0a99887766554433221100ffeeddccbb"
LEAF = "2b6f1e0d9c8b7a695847362514039281706f5e4d3c2b1a09f8e7d6c5b4a39281"
HEAD = {
    "log": "bookentry.example/audit",
    "size": 48213,
    "root": ROOT,
    "time": AT,
    "key_id": "21fe31dfa154a261",
    "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "signature": ROOT + SIBLING,
}

EXAMPLES = {
    "list_audit_heads": Example(answer=page("/api/compliance/audit-logs/heads", HEAD)),
    "get_audit_proof": Example(
        answer={
            "event": 4711,
            "index": 4698,
            "body": '{"action":"issuance.requested","after":{"quantity":"500"},"v":1}',
            "leaf_hash": LEAF,
            "path": [SIBLING, ROOT],
            "head": HEAD,
        }
    ),
    "get_audit_consistency": Example(
        answer={"from": 40000, "to": 48213, "from_root": LEAF, "to_root": ROOT, "path": [SIBLING, LEAF]}
    ),
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
                "index": 1041,
                "stream_seq": 1,
                "before": None,
                "after": {"quantity": "500", "status": "REQUESTED"},
                "committed": {"ip": "5b8e" * 16, "user_agent": "90c1" * 16},
                "source": "app",
                "record_class": "audit_trail",
            },
            as_of_sequence=4711,
        )
    ),
} | REPORTS
