"""Telling users, in the transaction of the event's dispatch: once per event, user and channel."""

from typing import ClassVar
from uuid import UUID

from django.template import Context, Engine

from apps.accounts.selectors.members import users_of_parties
from apps.core.db import within_unit_of_work
from apps.core.ids import new_id
from apps.notifications.models import Notification, NotificationPreference, NotificationTemplate
from apps.notifications.types import Channel, Notice


class Words(Engine):
    """Filters and nothing else: no tag, no loader, no library, so a template can only say what it is given."""

    default_builtins: ClassVar[list[str]] = ["django.template.defaultfilters"]


_words = Words(loaders=[], libraries={})


@within_unit_of_work
def tell(*, notice: Notice) -> int:
    """Write one in-app notification for each user of the parties who wants the topic; how many.

    Told before, a user is not told again (the row is unique by event, user and channel).
    """
    users = {user for found in users_of_parties(set(notice.party_ids)).values() for user in found}
    users -= _declined(notice, users)
    template = current_template(notice.topic, Channel.IN_APP)
    title, body = (render(text, notice.facts) for text in (template.title, template.body))
    rows = [
        Notification(
            id=new_id(),
            event_id=notice.event_id,
            user_id=user,
            channel=Channel.IN_APP,
            topic=notice.topic,
            template=template,
            title=title,
            body=body,
            created_at=notice.happened_at,
        )
        for user in sorted(users)
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def current_template(topic: str, channel: str) -> NotificationTemplate:
    """The highest version of the topic's words on this channel."""
    return NotificationTemplate.objects.filter(topic=topic, channel=channel).latest("version")


def render(text: str, facts: dict[str, str]) -> str:
    """A template's text with the facts in it."""
    return _words.from_string(text).render(Context(facts, autoescape=False))


def _declined(notice: Notice, users: set[UUID]) -> set[UUID]:
    declined = NotificationPreference.objects.filter(
        user_id__in=users, topic=notice.topic, channel=Channel.IN_APP, enabled=False
    )
    return set(declined.values_list("user_id", flat=True))
