"""Which instants of which jobs have been sent: two beats send each once."""

from datetime import datetime

from apps.core.db import fetch_one, unit_of_work


def claim(*, job: str, scheduled_for: datetime) -> bool:
    """Whether this instant of the job is the caller's to send: true for one caller, false for an earlier instant."""
    with unit_of_work():
        row = fetch_one(
            """INSERT INTO core_scheduledjob AS known (name, last_for, sent_at) VALUES (%s, %s, now())
               ON CONFLICT (name) DO UPDATE SET last_for = EXCLUDED.last_for, sent_at = now()
                   WHERE known.last_for < EXCLUDED.last_for
               RETURNING name""",
            [job, scheduled_for],
        )
    return row is not None
