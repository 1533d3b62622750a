"""Who is logged in, as far as the server keeps it.

API clients hold signed access tokens of a few minutes that the server does not store, so only officers' sessions on
the admin site can be counted.
"""

from collections.abc import Iterator

from django.contrib.sessions.models import Session

from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, gauge

ACTIVE = gauge(
    "bookentry_sessions_active",
    f"Admin sessions that have not expired; access tokens are not kept by the server. Counted up to {COUNTED_TO}.",
)
METRICS = (ACTIVE,)


def measure() -> Iterator[Sample]:
    """By the index on the expiry."""
    yield ACTIVE.sample(counted(Session.objects.filter(expire_date__gt=clock.now())))
