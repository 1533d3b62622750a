"""Examples."""

from apps.core.http.examples import Example

READY = {
    "status": "degraded",
    "failing": ["cache"],
    "checks": {
        "database": {"ok": True, "required": True, "detail": ""},
        "cache": {"ok": False, "required": False, "detail": "the cache does not answer"},
    },
}
DOWN = {
    "status": "unavailable",
    "failing": ["database"],
    "checks": {
        "database": {"ok": False, "required": True, "detail": "the database does not answer"},
        "cache": {"ok": True, "required": False, "detail": ""},
    },
}

WAITING = {
    "type": "gauge",
    "help": "Orders that rest in a book. Counted up to 100000.",
    "samples": [{"name": "bookentry_dex_orders_open", "labels": {}, "value": 31.0}],
}

EXAMPLES = {
    "get_openapi_document": Example(
        answer={"openapi": "3.1.0", "info": {"title": "Bookentry"}, "paths": {}}, bare=True
    ),
    "health": Example(answer={"status": "ok"}),
    "ready": Example(answer=READY, others={503: DOWN}),
    "receive_webhook": Example(answer={"status": "accepted"}),
    "metrics": Example(answer={"metrics": {"bookentry_dex_orders_open": WAITING}}),
}
