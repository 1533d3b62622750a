"""Enums of the audit log."""

from django.db import models


class Source(models.TextChoices):
    """Who wrote an event: a service, or a table's own trigger. Part of its signed text."""

    APP = "app"
    TRIGGER = "trigger"


class RecordClass(models.TextChoices):
    """The classes of retention of the security policy (config/security.yaml, audit.retention)."""

    LEDGER_AND_JOURNALS = "ledger_and_journals"
    ORDERS_AND_TRADES = "orders_and_trades"
    CUSTOMER_ACCOUNTS = "customer_accounts"
    COMMUNICATIONS = "communications"
    SECURITYHOLDER_FILE = "securityholder_file"
    TRANSFER_AGENT_ITEMS = "transfer_agent_items"
    SANCTIONS = "sanctions"
    SUSPICIOUS_ACTIVITY = "suspicious_activity"
    CURRENCY_TRANSACTIONS = "currency_transactions"
    SECURITY_EVENTS = "security_events"
    AUDIT_TRAIL = "audit_trail"
