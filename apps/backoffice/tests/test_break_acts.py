"""What officers do about breaks on the admin site, and what its pages show of them."""

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_of, make_party, make_user
from apps.accounts.types import PartyKind, Role
from apps.core import clock
from apps.ledger.models import LedgerTransfer
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.services.resolutions import reject_resolution
from apps.reconciliation.tests.factories import (
    make_asset,
    make_break,
    make_run,
    make_wallet,
    missing,
    propose,
    state_finding,
)
from apps.reconciliation.types import ResolutionKind

LIST = "/admin/reconciliation/break/"


@pytest.fixture(scope="class")
def people(books: str) -> tuple[User, User]:
    platform = make_party(kind=PartyKind.LEGAL)
    return make_user(party=platform, role=Role.OPS), make_user(party=platform, role=Role.COMPLIANCE)


@pytest.fixture
def maker(people: tuple[User, User]) -> Client:
    return client_of(people[0])


@pytest.fixture
def checker(people: tuple[User, User]) -> Client:
    return client_of(people[1])


@pytest.fixture
def row(books: str) -> Break:
    return make_break(missing(make_asset(), make_wallet()))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(row: Break, act: str = "change") -> str:
    return f"{LIST}{row.pk}/{act}/"


def offered(client: Client, row: Break) -> set[str]:
    """The acts the break's page offers."""
    shown = client.get(page(row)).content.decode()
    return {act for act in ("assign", "explain", "propose", "approve", "reject") if page(row, act) in shown}


def written(row: Break) -> tuple[Any, ...]:
    return (
        Break.objects.get(pk=row.pk).state,
        BreakEvent.objects.count(),
        LedgerTransfer.objects.count(),
        list(Resolution.objects.order_by("pk").values_list("pk", "state")),
    )


class TestActs:
    def test_are_shown_where_the_state_allows(self, row: Break, maker: Client, people: tuple[User, User]) -> None:
        assert offered(maker, row) == {"assign", "explain", "propose"}
        propose(row, actor_of(people[0]))
        assert offered(maker, row) == {"assign", "explain", "approve", "reject"}
        make_run(row.isin)
        assert offered(maker, row) == {"explain"}

    def test_give_an_owner_from_among_the_officers(self, row: Break, maker: Client, people: tuple[User, User]) -> None:
        assert maker.post(page(row, "assign"), {"owner": str(people[1].pk)}).status_code == 302
        assert Break.objects.get(pk=row.pk).owner_id == people[1].pk
        stranger = make_user(role=Role.INVESTOR)
        assert maker.post(page(row, "assign"), {"owner": str(stranger.pk)}).status_code == 400
        assert Break.objects.get(pk=row.pk).owner_id == people[1].pk

    def test_explain(self, row: Break, checker: Client, people: tuple[User, User]) -> None:
        assert checker.post(page(row, "explain"), {"text": "a split of the registrar"}).status_code == 302
        event = BreakEvent.objects.get(found=row, change="EXPLAINED")
        assert (event.message, event.user_id) == ("a split of the registrar", people[1].pk)
        assert "a split of the registrar" in checker.get(page(row)).content.decode()

    def test_resolve_with_four_eyes(self, row: Break, maker: Client, checker: Client) -> None:
        asked = maker.get(page(row, "propose")).content.decode()
        assert f"25 {row.isin} from ISSUANCE to POSITION {row.wallet_address}" in asked
        assert maker.post(page(row, "propose"), {"kind": "POST", "reason": "as found"}).status_code == 302
        made = Resolution.objects.get(found=row)
        shown = checker.get(page(row, "approve")).content.decode()
        assert f"Posts 25 {row.isin} from ISSUANCE to POSITION {row.wallet_address}. Proposed: as found" in shown
        before = written(row)
        refused = maker.post(page(row, "approve"), {"resolution": str(made.pk)})
        assert (refused.status_code, written(row)) == (403, before)
        assert "ask a second person" in refused.content.decode()
        assert checker.post(page(row, "approve"), {"resolution": str(made.pk)}).status_code == 302
        assert Break.objects.get(pk=row.pk).state == "RESOLVED"
        assert LedgerTransfer.objects.filter(source_ref=f"resolution:{made.pk}").count() == 1

    def test_decide_on_the_proposal_that_was_shown(
        self, row: Break, checker: Client, people: tuple[User, User]
    ) -> None:
        maker = actor_of(people[0])
        shown = propose(row, maker)
        other = make_user(role=Role.OPS)
        reject_resolution(actor=actor_of(other), resolution_id=shown, reason="anew", now=clock.now())
        propose(row, maker)
        before = written(row)
        assert checker.post(page(row, "approve"), {"resolution": str(shown)}).status_code == 409
        assert checker.post(page(row, "reject"), {"resolution": str(shown), "text": "no"}).status_code == 409
        assert written(row) == before

    def test_reject(self, row: Break, checker: Client, people: tuple[User, User]) -> None:
        made = propose(row, actor_of(people[0]))
        answer = checker.post(page(row, "reject"), {"resolution": str(made), "text": "not ours"})
        assert answer.status_code == 302
        assert Break.objects.get(pk=row.pk).state == "OPEN"
        assert Resolution.objects.get(pk=made).state == "REJECTED"

    def test_say_what_cannot_be_done_and_change_nothing(self, maker: Client, people: tuple[User, User]) -> None:
        paused = make_break(state_finding(make_asset()))
        before = written(paused)
        posted = maker.post(page(paused, "propose"), {"kind": "POST", "reason": "x"})
        assert (posted.status_code, written(paused)) == (422, before)
        assert "No ledger entry mends this break" in posted.content.decode()
        assert maker.post(page(paused, "approve"), {}).status_code == 404
        propose(paused, actor_of(people[0]), ResolutionKind.ACCEPT)
        before = written(paused)
        assert "Accepts what is found" in maker.get(page(paused, "approve")).content.decode()
        for act in ("assign", "explain", "propose", "approve", "reject"):
            assert maker.get(page(paused, act)).status_code == 200
            assert maker.post(page(paused, act), {}).status_code == 400
        assert written(paused) == before

    def test_are_not_for_others(self, row: Break) -> None:
        client, before = client_of(make_user(role=Role.ISSUER)), written(row)
        for act in ("assign", "explain", "propose", "approve", "reject"):
            assert client.post(page(row, act), {"text": "x"}).status_code == 302  # to the login
        assert written(row) == before


class TestCharts:
    def test_count_open_breaks_by_kind_age_and_severity(self, maker: Client) -> None:
        Break.objects.filter(state="OPEN").update(state="CLEARED", cleared_at=clock.now())
        isin = make_asset()
        make_run(isin, *(missing(isin, make_wallet()) for _ in range(3)), state_finding(isin))
        old = Break.objects.filter(isin=isin, kind="MISSING_IN_BOOKS").first()
        Break.objects.filter(pk=old.pk).update(first_seen_at=clock.now() - timedelta(days=31))
        kinds, ages = (drawn(chart) for chart in maker.get(LIST).context["charts"])
        assert kinds == (
            ["MISSING_IN_BOOKS", "PAUSE_STATE"],
            {"0 to 7 days": [2, 1], "over 30 days": [1, 0]},
        )
        assert ages == (
            ["0 to 7 days", "8 to 30 days", "over 30 days"],
            {"CRITICAL": [2, 0, 1], "ERROR": [1, 0, 0]},
        )

    def test_say_that_nothing_is_open(self, maker: Client) -> None:
        Break.objects.filter(state="OPEN").update(state="CLEARED", cleared_at=clock.now())
        shown = maker.get(LIST).content.decode()
        assert shown.count("No break is open.") == 2
        assert "<canvas" not in shown

    def test_show_runs_by_day_and_outcome(self, maker: Client) -> None:
        isin = make_asset()
        make_run(isin)
        make_run(isin, incomplete=True)
        answer = maker.get("/admin/reconciliation/run/")
        (chart,) = answer.context["charts"]
        labels, series = drawn(chart)
        assert (len(labels), labels[-1]) == (14, clock.now().strftime("%d %b"))
        assert series["CLEAN"][-1] >= 1
        assert series["INCOMPLETE"] == [0] * 13 + [1]
        assert chart["data"] in unescape(answer.content.decode())


def drawn(chart: dict[str, Any]) -> tuple[list[str], dict[str, list[int]]]:
    """Labels and series as the browser is given them."""
    data = json.loads(chart["data"])
    return data["labels"], {each["label"]: each["data"] for each in data["datasets"]}
