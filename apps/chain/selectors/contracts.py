"""The platform's contracts."""

from apps.chain.errors import UnknownContract
from apps.chain.models import ContractAddress


def addresses() -> dict[str, str]:
    """Address of each deployed contract by its name (see `services.deployment`); empty before deployment."""
    return dict(ContractAddress.objects.values_list("name", "address"))


def address(name: str) -> str:
    """The address of one contract. Raises UnknownContract."""
    row = ContractAddress.objects.filter(pk=name).values_list("address", flat=True).first()
    if row is None:
        raise UnknownContract(contract=name)
    return row
