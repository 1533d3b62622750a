"""Logging in over HTTP, against a real database."""

import pytest

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.audit.models import AuditLog

LOGIN = "/api/auth/token"


@pytest.mark.usefixtures("books")
class TestLogin:
    def test_gives_a_bearer_token_that_the_next_request_accepts(self) -> None:
        user = make_user()
        answer = api_client().post(LOGIN, {"username": user.username, "password": PASSWORD})
        assert answer.status_code == 200, answer.content
        data = answer.json()["data"]
        assert data["token_type"] == "Bearer"
        assert data["expires_in"] == 300
        assert answer["Cache-Control"] == "no-store"
        row = AuditLog.objects.get(action="accounts.logged_in", resource_id=str(user.pk))
        assert (row.user_id, row.ip_address, row.request_id) == (user.pk, "127.0.0.1", answer["X-Request-ID"])
