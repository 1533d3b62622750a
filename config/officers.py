"""How the admin site looks and what its sidebar lists, room by room."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, page: str, icon: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{page}")}


def _list(title: str, model: str, icon: str) -> dict[str, Any]:
    return _item(title, f"{model}_changelist", icon)


def _room(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "collapsible": True, "items": list(items)}


NAVIGATION: list[dict[str, Any]] = [
    {"title": None, "items": [_item("Today", "index", "dashboard")]},
    _room(
        "Parties",
        _list("Parties", "accounts_party", "apartment"),
        _list("Users", "accounts_user", "person"),
        _list("Memberships", "accounts_membership", "badge"),
        _list("Audit trail", "audit_auditlog", "history_edu"),
        _list("Audit origins", "audit_auditorigin", "my_location"),
        _list("Audit heads", "audit_audithead", "draw"),
        _list("Audit verifications", "audit_auditverification", "fact_check"),
        _list("Audit leaves", "audit_auditleaf", "account_tree"),
        _list("Audit leaf hashes", "audit_auditleafhash", "tag"),
        _list("Audit tiles", "audit_audittile", "grid_on"),
        _list("Audit anchors", "audit_auditanchor", "anchor"),
        _list("Audit holds", "audit_audithold", "gavel"),
        _list("Audit endings", "audit_auditending", "event_busy"),
        _list("Audit periods", "audit_auditretention", "timelapse"),
        _list("Audit exports", "audit_auditexport", "archive"),
        _list("Audit expiries", "audit_auditexpiry", "auto_delete"),
        _list("Audit expiry passes", "audit_auditexpiryrun", "rule"),
        _list("Audit signing keys", "audit_auditsigningkey", "vpn_key"),
    ),
    _room(
        "Compliance",
        _list("Investors", "compliance_investorprofile", "verified_user"),
        _list("KYC decisions", "compliance_kycdecision", "gavel"),
        _list("Wallets", "compliance_wallet", "wallet"),
        _list("Registrations", "compliance_walletregistration", "how_to_reg"),
        _list("Wallet challenges", "compliance_walletchallenge", "draw"),
        _list("Eligibility decisions", "compliance_eligibilitydecision", "rule"),
    ),
    _room(
        "Securities",
        _list("Securities", "securities_security", "description"),
        _list("Issuers", "securities_issuer", "domain"),
        _list("Trading terms", "securities_tradingterms", "tune"),
        _list("Issuance requests", "issuance_issuancerequest", "add_circle"),
        _list("Issuance control", "issuance_issuancecontrol", "balance"),
    ),
    _room(
        "Exchange",
        _list("Orders", "dex_order", "list_alt"),
        _list("Trades", "dex_trade", "handshake"),
        _list("Commands", "dex_command", "keyboard_return"),
        _list("Inbox", "dex_inbox", "inbox"),
        _list("Verdicts", "dex_verdict", "fact_check"),
        _list("Journal", "dex_journalentry", "menu_book"),
        _list("Sequencers", "dex_sequencer", "format_list_numbered"),
        _list("Book hashes", "dex_bookstate", "tag"),
    ),
    _room(
        "Settlement",
        _list("Instructions", "settlement_settlementinstruction", "swap_horiz"),
        _list("Status events", "settlement_settlementstatusevent", "timeline"),
        _list("Attempts", "settlement_settlementattempt", "replay"),
        _list("Expected movements", "settlement_expectedmovement", "schedule"),
        _list("Unexplained movements", "settlement_unexplainedmovement", "report"),
        _list("Projection", "settlement_projectioncursor", "flag"),
        _list("Projected contracts", "settlement_projectedcontract", "contract"),
    ),
    _room(
        "Ledger",
        _list("Accounts", "ledger_ledgeraccount", "account_balance"),
        _list("Balances", "ledger_ledgerbalance", "account_balance_wallet"),
        _list("Transfers", "ledger_ledgertransfer", "sync_alt"),
        _list("Holds", "ledger_ledgerholdentry", "lock"),
        _list("Assets", "ledger_ledgerasset", "category"),
        _list("Wallet owners", "ledger_ledgerwalletowner", "key"),
    ),
    _room(
        "Reconciliation",
        _list("Breaks", "reconciliation_break", "warning"),
        _list("Runs", "reconciliation_run", "balance"),
        _list("Resolutions of breaks", "reconciliation_resolution", "gavel"),
        _list("Events of breaks", "reconciliation_breakevent", "visibility"),
        _list("Cut-offs", "reconciliation_cutoff", "content_cut"),
        _list("Attestations", "reconciliation_attestation", "verified"),
        _list("Nodes of proofs", "reconciliation_storagenode", "account_tree"),
    ),
    _room(
        "Chain",
        _list("Intents", "chain_txintent", "send"),
        _list("Attempts", "chain_txattempt", "repeat"),
        _list("Interventions", "chain_intervention", "front_hand"),
        _list("Passages of intents", "chain_txintentevent", "timeline"),
        _list("Outcomes of attempts", "chain_txattemptoutcome", "rule"),
        _list("Blocks", "chain_block", "view_agenda"),
        _list("Raw logs", "chain_rawlog", "data_object"),
        _list("Late effects", "chain_lateeffect", "token"),
        _list("Holders by the chain", "chain_holderbalance", "groups"),
        _list("Supplies by the chain", "chain_tokensupply", "functions"),
        _list("Block effects", "chain_blockeffect", "layers"),
        _list("Reorganisations", "chain_reorganisation", "call_split"),
        _list("Dead letters", "chain_deadletter", "unsubscribe"),
        _list("Token bindings", "chain_tokenbinding", "link"),
        _list("Token checks", "chain_tokencheck", "fact_check"),
        _list("Storage layouts", "chain_storagelayout", "grid_on"),
        _list("Identities", "chain_chainidentity", "fingerprint"),
        _list("Registry entries", "chain_registryentry", "playlist_add_check"),
        _list("Releases of signers", "chain_signerrelease", "lock_open"),
        _list("Signers", "chain_signer", "vpn_key"),
        _list("Nonces", "chain_signernonce", "pin"),
        _list("Uses of limits", "chain_signeruse", "speed"),
        _list("Watched contracts", "chain_watchedcontract", "visibility"),
        _list("Contracts", "chain_contractaddress", "deployed_code"),
        _list("Cursors", "chain_streamcursor", "flag"),
        _list("Nodes", "chain_rpcendpoint", "lan"),
    ),
    _room(
        "Operations",
        _list("Alerts", "core_alert", "notification_important"),
        _list("Engines", "core_enginestate", "memory"),
        _list("Workers", "core_workerheartbeat", "monitor_heart"),
        _list("Work items", "core_workitem", "task"),
        _list("Scheduled jobs", "core_scheduledjob", "schedule"),
        _list("Outside services", "core_providercircuit", "cable"),
        _list("Rate counters", "core_ratecounter", "speed"),
        _list("Cache generations", "core_cachegeneration", "cached"),
    ),
    _room(
        "Vault",
        _list("Key inventory", "vault_purposekey", "key"),
        _list("Subjects' keys", "vault_subjectkey", "vpn_key"),
        _list("Rotations", "vault_keyrotation", "autorenew"),
        _list("Rotated columns", "vault_rotatedcolumn", "view_column"),
        _list("Documents", "vault_document", "draft"),
        _list("Legal holds", "vault_subjecthold", "gavel"),
        _list("Erasures", "vault_subjecterasure", "person_off"),
    ),
    _room(
        "Messages",
        _list("Outbox", "core_outboxevent", "outbox"),
        _list("Outbox pending", "core_outboxpending", "pending"),
        _list("Webhooks taken", "core_inboundwebhook", "webhook"),
        _list("Kept answers", "core_idempotentrequest", "repeat"),
        _list("Notifications", "notifications_notification", "notifications"),
        _list("Templates", "notifications_notificationtemplate", "article"),
        _list("Preferences", "notifications_notificationpreference", "toggle_on"),
    ),
]

BLUE = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(70.7% .165 254.624)",
    "500": "oklch(62.3% .214 259.815)",
    "600": "oklch(54.6% .245 262.881)",
    "700": "oklch(48.8% .243 264.376)",
    "800": "oklch(42.4% .199 265.638)",
    "900": "oklch(37.9% .146 265.522)",
    "950": "oklch(28.2% .091 267.935)",
}

UNFOLD = {
    "SITE_TITLE": "Bookentry",
    "SITE_HEADER": "Bookentry",
    "SITE_SUBHEADER": "Books of tokenized securities",
    "SITE_SYMBOL": "auto_stories",
    "SITE_URL": None,
    "ACCOUNT": {"navigation": [{"title": "API documentation", "link": "/api/docs"}]},
    "COLORS": {"primary": BLUE},
    "STYLES": [lambda _: static("officers/officers.css")],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "apps.backoffice.dashboard.environment",
    "DASHBOARD_CALLBACK": "apps.backoffice.dashboard.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": NAVIGATION},
}
