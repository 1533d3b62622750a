"""Contracts the platform deployed."""

from django.db import models

from apps.chain.models.fields import ADDRESS, HASH, address_field, hash_field, shaped


class ContractAddress(models.Model):
    """A contract of the platform, by name."""

    name = models.CharField(max_length=64, primary_key=True)
    address = address_field(unique=True)
    deployed_block = models.BigIntegerField()
    tx_hash = hash_field(unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            shaped("chain_contract_address_shape", "address", ADDRESS),
            shaped("chain_contract_tx_hash_shape", "tx_hash", HASH),
        ]
