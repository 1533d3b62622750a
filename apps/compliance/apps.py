"""Django application."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    name = "apps.compliance"

    def ready(self) -> None:
        from apps.audit.services.watching import watch
        from apps.audit.types import RecordClass
        from apps.compliance import consumers
        from apps.compliance.models import InvestorProfile, Wallet, WalletRegistration
        from apps.core.registry import registry

        handlers = {
            "accounts.member_added": consumers.on_member_added,
            "chain.claim_final": consumers.on_claim_final,
            "chain.claim_failed": consumers.on_claim_failed,
            "chain.token_live": consumers.on_token_live,
            "chain.wallet_registered": consumers.on_wallet_registered,
            "chain.registration_failed": consumers.on_registration_failed,
        }
        for topic, handle in handlers.items():
            registry.consumer(f"compliance.{topic}", {topic}, handle)
        watch(InvestorProfile, Wallet, WalletRegistration, record_class=RecordClass.CUSTOMER_ACCOUNTS)
