"""A row of business."""

from django.db import models


class Row(models.Model):
    """Made by CREATE, not by a migration."""

    name = models.TextField()
    quantity = models.DecimalField(max_digits=38, decimal_places=18)

    class Meta:
        app_label = "rows"
        db_table = "bench_row"
        managed = False
