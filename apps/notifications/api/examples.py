"""Examples."""

from apps.core.http.examples import SOON, Example, page

TOPICS = ("ORDER_FILLED", "SETTLEMENT_COMPLETE", "SETTLEMENT_FAILED", "KYC_APPROVED")
PREFERENCES = {"preferences": [{"topic": topic, "channel": "IN_APP", "enabled": True} for topic in TOPICS]}
QUIETER = {"preferences": [row | {"enabled": row["topic"] != "ORDER_FILLED"} for row in PREFERENCES["preferences"]]}

EXAMPLES = {
    "list_notifications": Example(
        answer=page(
            "/api/notifications",
            {
                "id": "0195c0d6-7f70-7b99-8062-c3d4e5f60718",
                "topic": "ORDER_FILLED",
                "title": "Your order was filled",
                "body": "15 of 40 units of DE000AUR0RA7 at 102.50 USDX.",
                "created_at": SOON,
            },
        )
    ),
    "get_notification_preferences": Example(answer=PREFERENCES),
    "set_notification_preference": Example(
        request={"topic": "ORDER_FILLED", "channel": "IN_APP", "enabled": False}, answer=QUIETER
    ),
}
