"""Spike 1, kept: two roles, a cloned database a class, append-only tables, durable units of work and admin actions."""

import os

import psycopg2
import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, path

from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.accounts.types import Role
from apps.core import outbox
from apps.core.db import Advisory, AppendOnlyModel, fetch_all, fetch_one, run_sql, try_session_lock, unit_of_work
from apps.core.db.locks import NoSession
from apps.core.db.models import LastingModel, TriggerWrittenModel
from apps.core.models import OutboxEvent
from config.databases import database


def publish_from_admin(topic: str) -> None:
    with unit_of_work():
        outbox.publish(topic=topic, key="admin")


class EventAdmin(admin.ModelAdmin):
    """One action view, as every admin page of the house has, and the stock change form."""

    fields = ("topic", "key", "request_id")

    def get_urls(self) -> list[URLPattern]:
        return [path("act", self.admin_site.admin_view(self.act), name="act"), *super().get_urls()]

    def act(self, request: HttpRequest) -> HttpResponse:
        publish_from_admin("from_action_view")
        return HttpResponse("done")

    def save_model(self, request: HttpRequest, obj: OutboxEvent, form: object, change: bool) -> None:
        publish_from_admin("from_change_form")


site = admin.AdminSite("contract")
site.register(OutboxEvent, EventAdmin)
urlpatterns = [path("contract/", site.urls)]


@pytest.fixture
def officer() -> Client:
    user = make_user(role=Role.OPS)
    user.user_permissions.set(Permission.objects.filter(codename="add_outboxevent"))
    client = Client()
    assert client.login(username=user.username, password=PASSWORD)
    return client


@pytest.mark.usefixtures("books")
class TestDatabaseContract:
    def test_the_application_role_owns_nothing(self) -> None:
        owned = fetch_all(
            "SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        )
        flags = fetch_one(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        assert owned == []
        assert flags == (False, False, False, False)

    def test_the_application_role_cannot_create_or_truncate(self) -> None:
        for statement in (
            "CREATE TABLE intruder (id int)",
            "TRUNCATE core_workitem",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(Exception, match="permission denied"), unit_of_work():
                run_sql(statement)

    def test_every_append_only_table_refuses_change_even_to_its_owner(self) -> None:
        publish_from_admin("owner_cannot_change")
        connections["owner"].close()
        for statement in (
            "UPDATE core_outboxevent SET topic = 'x'",
            "DELETE FROM core_outboxevent",
            "TRUNCATE core_outboxevent CASCADE",
        ):
            with pytest.raises(Exception, match="append-only"), connections["owner"].cursor() as cursor:
                cursor.execute(statement)

    def test_privileges_follow_from_the_models(self) -> None:
        for model in apps.get_models():
            table = model._meta.db_table
            acts = ", ".join(f"has_table_privilege(%s, '{act}')" for act in ("UPDATE", "DELETE", "TRUNCATE"))
            allowed = fetch_one(f"SELECT {acts}", [f'"{table}"'] * 3)
            may_change = not issubclass(model, AppendOnlyModel | TriggerWrittenModel)
            may_go = may_change and not issubclass(model, LastingModel)
            assert allowed == (may_change, may_go, False), table

    def test_a_commit_is_seen_by_another_connection(self) -> None:
        publish_from_admin("seen_elsewhere")
        params = connection.get_connection_params()
        params.pop("cursor_factory", None)
        other = psycopg2.connect(**params)
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM core_outboxevent WHERE topic = 'seen_elsewhere'")
                assert cursor.fetchone() == (1,)
        finally:
            other.close()

    @override_settings(ROOT_URLCONF=__name__)
    def test_an_admin_action_view_commits_a_durable_unit_of_work(self, officer: Client) -> None:
        assert officer.get("/contract/core/outboxevent/act").status_code == 200
        assert OutboxEvent.objects.filter(topic="from_action_view").exists()

    @override_settings(ROOT_URLCONF=__name__)
    def test_an_admin_change_form_cannot_write_because_django_wraps_it_in_a_transaction(self, officer: Client) -> None:
        with pytest.raises(RuntimeError, match="durable"):
            officer.post("/contract/core/outboxevent/add/", {"topic": "t", "key": "k", "request_id": "r"})
        assert not OutboxEvent.objects.filter(topic="from_change_form").exists()


@pytest.mark.usefixtures("books")
class TestTheNextClass:
    def test_finds_none_of_the_rows_of_the_class_before(self) -> None:
        assert not OutboxEvent.objects.exists()
        assert not User.objects.exists()


class TestTheConnection:
    def test_keeps_what_its_url_asks_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A production URL asks for verified TLS; a setting of ours must not quietly give that up."""
        monkeypatch.setenv(
            "DATABASE_URL", "postgres://app:secret@db.example/books?sslmode=verify-full&connect_timeout=2"
        )
        options = database(os.environ["DATABASE_URL"], {"lock_timeout": "10s"})["OPTIONS"]
        assert (options["sslmode"], int(options["connect_timeout"])) == ("verify-full", 2)
        assert options["application_name"] == "bookentry"

    @pytest.mark.usefixtures("books")
    def test_waits_for_no_lock_and_keeps_no_dead_session_for_ever(self) -> None:
        """An engine's lock goes with its session: the server must notice soon that a machine is gone."""
        bounds = {name: fetch_one(f"SHOW {name}") for name in ("lock_timeout", "idle_in_transaction_session_timeout")}
        assert bounds == {"lock_timeout": ("10s",), "idle_in_transaction_session_timeout": ("1min",)}
        alive = [fetch_one(f"SHOW tcp_keepalives_{name}") for name in ("idle", "interval", "count")]
        assert alive == [("10",), ("5",), ("3",)]


@pytest.mark.usefixtures("books")
class TestSessions:
    def test_the_role_itself_is_bounded_for_sessions_that_a_pooler_begins(self) -> None:
        plain = psycopg2.connect(**{k: v for k, v in connection.get_connection_params().items() if k in PLAIN})
        try:
            with plain.cursor() as cursor:
                cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
                assert cursor.fetchone() == ("30s", "10s")
        finally:
            plain.close()

    def test_engines_and_commands_bound_no_statement_but_locks(self) -> None:
        with connections["direct"].cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            assert cursor.fetchone() == ("0", "10s")

    def test_a_request_is_bounded(self) -> None:
        with pytest.raises(OperationalError, match="statement timeout"), unit_of_work():
            run_sql("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(1)")
        assert fetch_one("SHOW statement_timeout") == ("30s",)

    def test_a_session_lock_is_refused_where_the_session_is_not_our_own(self) -> None:
        """A pooler that drops startup options would leave no mark: so would this connection."""
        run_sql("SET bookentry.session = ''")
        try:
            with pytest.raises(NoSession, match="DATABASE_DIRECT_URL"):
                try_session_lock(Advisory.ENGINE_LEADER, "nobody's")
        finally:
            connection.close()


PLAIN = ("host", "port", "user", "password", "dbname")


@pytest.mark.django_db
class TestNumbers:
    """PostgreSQL lets NaN and the infinities into a numeric column, and NaN passes every CHECK (q >= 0)."""

    COLUMNS = """
        SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
               array(SELECT pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
                     WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum])
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
          AND format_type(a.atttypid, NULL) IN ('numeric', 'double precision', 'real')"""

    def test_of_every_column_exclude_what_is_none(self) -> None:
        columns = fetch_all(self.COLUMNS)
        assert len(columns) > 20
        let_in = [
            (table, column, value)
            for table, column, kind, checks in columns
            for value in ("NaN", "Infinity", "-Infinity")
            if not any(self._refuses(check, column, kind, value) for check in checks)
        ]
        assert let_in == []

    def test_of_a_column_checked_for_its_sign_alone_would_be_found(self) -> None:
        assert not self._refuses("(q >= (0)::numeric)", "q", "numeric", "NaN")
        assert self._refuses("((q >= (0)::numeric) AND (q < 1e20))", "q", "numeric", "NaN")

    def _refuses(self, check: str, column: str, kind: str, value: str) -> bool:
        row = fetch_one(f'SELECT {check} FROM (SELECT CAST(%s AS {kind}) AS "{column}") AS one', [value])
        return row is not None and row[0] is False
