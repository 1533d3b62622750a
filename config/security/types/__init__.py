"""The policy of this installation, as config/security.yaml states it: typed, frozen, read once at the start.

The types are the schema: a key is a field, a section is a class, and what is not declared here is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.security.keys import Conflict
from config.security.types.access import Authentication
from config.security.types.ageing import Reconciliation
from config.security.types.chain import Chain
from config.security.types.oversight import Compliance, Monitoring
from config.security.types.parties import Kyc, Webhooks
from config.security.types.records import Audit, Encryption
from config.security.types.traffic import Providers, RateLimits

__all__ = ["Security"]


@dataclass(frozen=True, slots=True)
class Security:
    """All sections."""

    kyc: Kyc
    audit: Audit
    encryption: Encryption
    authentication: Authentication
    compliance: Compliance
    reconciliation: Reconciliation
    monitoring: Monitoring
    chain: Chain
    providers: Providers
    rate_limits: RateLimits
    webhooks: Webhooks

    def enabled_services(self) -> Iterator[tuple[str, str]]:
        """The key that enables a service, and the service."""
        for index, provider in enumerate(self.kyc.providers):
            if provider.enabled:
                yield f"kyc.providers.{index}.enabled", provider.name
        for name in ("slack", "pagerduty"):
            if getattr(self.monitoring, name).enabled:
                yield f"monitoring.{name}.enabled", name

    def conflicts(self) -> Iterator[Conflict]:
        """Whoever is called stands under `providers`."""
        expected = f"one of {', '.join(sorted(self.providers))}"
        for index, provider in enumerate(self.kyc.providers):
            if provider.name not in self.providers:
                yield Conflict(f"kyc.providers.{index}.name", "a service that is not under providers", expected)
        for name in ("slack", "pagerduty"):
            if getattr(self.monitoring, name).enabled and name not in self.providers:
                yield Conflict(f"monitoring.{name}.enabled", "true, and no such service", expected)
