"""What makes cached results old."""

from django.db import models


class CacheGeneration(models.Model):
    """The generation of all results cached below `path`: another token, and none of them is served any more.

    Here and not in the cache server, so that it changes in the commit that made the results wrong, and stays changed
    whatever becomes of that server. Tokens are random: one that was rolled back never comes again.
    """

    path = models.CharField(max_length=255, primary_key=True)
    token = models.UUIDField()
    changed_at = models.DateTimeField()
