"""How much of its limits a signer has used up."""

from django.db import models
from django.db.models import F, Q

from apps.chain.models.intents import Signer
from apps.chain.types import Measure
from apps.core.db import TokenUnitsField


class SignerUse(models.Model):
    """What a signer sent of one measure since its period began; counted in the commit that gives the nonce."""

    signer = models.ForeignKey(Signer, on_delete=models.PROTECT, related_name="uses")
    measure = models.CharField(max_length=12, choices=Measure.choices)
    token = models.CharField(max_length=42, blank=True)  # whose units; empty of what no token is moved by
    started_at = models.DateTimeField()  # the database's clock
    used = TokenUnitsField()
    # What the policy allowed when it was last counted.
    most = TokenUnitsField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["signer", "measure", "token"], name="chain_signer_use_once"),
            models.CheckConstraint(name="chain_signer_use_measure", condition=Q(measure__in=Measure.values)),
            models.CheckConstraint(name="chain_signer_use_within", condition=Q(used__gte=0, used__lte=F("most"))),
            models.CheckConstraint(
                name="chain_signer_use_of_token",
                condition=Q(measure=Measure.UNITS) & ~Q(token="") | ~Q(measure=Measure.UNITS) & Q(token=""),
            ),
        ]
