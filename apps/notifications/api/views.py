"""A user's notifications and preferences."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import ALL_ROLES
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body
from apps.core.http.views import View
from apps.core.rate_limits import Bucket
from apps.notifications.api import serializers as shapes
from apps.notifications.selectors.inbox import notifications_of, preferences
from apps.notifications.services.preferences import set_preference


class NotificationsView(View):
    """The caller's notifications."""

    required_roles = ALL_ROLES
    reads_query = True

    @extend_schema(
        operation_id="list_notifications",
        tags=["notifications"],
        parameters=[shapes.NotificationListQuery],
        responses=page_of(shapes.NotificationSerializer, shapes.NotificationListQuery),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        asked = shapes.NotificationListQuery.read(request)
        rows = notifications_of(self.actor(request).require_user())
        return self.page(asked, rows, lambda found: shapes.NotificationSerializer(found, many=True).data)


class PreferencesView(View):
    """The caller's preferences."""

    required_roles = ALL_ROLES
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="get_notification_preferences", tags=["notifications"], responses=shapes.PreferencesSerializer
    )
    def get(self, request: Request) -> Response:
        """Every topic and channel."""
        found = preferences(self.actor(request).require_user())
        return Response(shapes.PreferencesSerializer({"preferences": found}).data)

    @extend_schema(
        operation_id="set_notification_preference",
        tags=["notifications"],
        request=shapes.PreferenceChangeSerializer,
        responses=shapes.PreferencesSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Choose one."""
        change = read_body(request, shapes.PreferenceChangeSerializer)
        found = set_preference(actor=self.actor(request), **change)
        return Response(shapes.PreferencesSerializer({"preferences": found}).data)
