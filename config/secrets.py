"""Keys that outside services gave us: from the environment only, and out of sight once they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from config.variables import Variables

OUTSIDE_SECRETS = (
    "JUMIO_API_TOKEN",
    "JUMIO_API_SECRET",
    "ONFIDO_API_TOKEN",
    "SENDGRID_API_KEY",
    "AWS_KMS_KEY_ID",
    "AUDIT_SIGNING_KEY",
    "SLACK_WEBHOOK_URL",
    "PAGERDUTY_INTEGRATION_KEY",
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that shows itself only to who asks for it: no repr, no log, no debug page has it."""

    name: str
    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The value, for the one call that needs it."""
        return self._value


def outside_secrets(env: Variables) -> Mapping[str, Secret]:
    """The secrets that are set, by the name of their variable."""
    found = {name: env.vendor_secret(name) for name in OUTSIDE_SECRETS}
    return MappingProxyType({name: Secret(name, value) for name, value in found.items() if value})


def need_secrets(env: Variables, secrets: Mapping[str, Secret], needed: Mapping[str, str]) -> None:
    """Note as a problem, in production, each variable of `needed` (to what needs it) that is not set."""
    for name, by in needed.items():
        if env.production and name not in secrets:
            env.problems.append(f"{name} is not set: {by} needs it")
