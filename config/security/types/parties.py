"""Outside parties that vouch for people, and those that call us."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from config.security.keys import Conflict, Key
from config.security.secrets import Secret


@dataclass(frozen=True, slots=True)
class KycProvider:
    """One identity provider. Its secrets and timeouts stand under `providers`, by the same name."""

    name: Annotated[str, Key("its name under providers", waits_for="compliance")]
    region: Annotated[str, Key("the region whose addresses are used", waits_for="compliance")]
    enabled: Annotated[bool, Key("whether people are sent to it", waits_for="compliance")]
    failover: Annotated[bool, Key("whether it takes over when one before it is down", waits_for="compliance")]


@dataclass(frozen=True, slots=True)
class Kyc:
    """Knowing the customer."""

    validity_days: Annotated[int, Key("days an approval lasts where the officer names no end", 1, 3_650)]
    longest_validity_days: Annotated[int, Key("days an officer may approve for at most", 1, 3_650)]
    providers: Annotated[tuple[KycProvider, ...], Key("identity providers, the first choice first", 0, 10)]

    def conflicts(self) -> Iterator[Conflict]:
        """The default is one an officer may choose; a provider stands once."""
        if self.validity_days > self.longest_validity_days:
            longest = f"at most longest_validity_days ({self.longest_validity_days})"
            yield Conflict("validity_days", str(self.validity_days), longest)
        names = [provider.name for provider in self.providers]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Conflict(f"providers.{index}.name", "a provider named before", "each provider once")


@dataclass(frozen=True, slots=True)
class WebhookProvider:
    """A party that calls us. While its secrets change, both are accepted."""

    enabled: Annotated[bool, Key("whether its calls are taken")]
    tolerance_seconds: Annotated[int, Key("seconds a call's timestamp may differ from our clock", 30, 600)]
    secret: Annotated[Secret, Key("variable that holds the signing secret")]
    next_secret: Annotated[Secret, Key("variable that holds the second one while they change", may_be_unset=True)]

    def conflicts(self) -> Iterator[Conflict]:
        """Two secrets are two variables."""
        if self.secret.variable == self.next_secret.variable:
            yield Conflict("next_secret", "the variable of secret", "another variable")


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Calls from outside, signed over their raw bytes."""

    inbound: Annotated[Mapping[str, WebhookProvider], Key("by provider")]
