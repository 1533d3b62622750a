"""Books with something in them: two traders who traded, two issuers, officers, and a body for each command."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.db import connections
from eth_account import Account
from eth_account.messages import encode_defunct

from apps.accounts.models import User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, actor_of, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLeaf
from apps.audit.testing import pass_horizon, sequence
from apps.compliance.services.wallets import challenge_wallet
from apps.core import clock
from apps.dex.services.orders import place_order
from apps.dex.testing import Market, Trader
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.factories import Issue, make_issue
from apps.issuance.types import IssuanceView
from apps.reconciliation.models import Break
from apps.reconciliation.tests.attesting import make_attestation
from apps.reconciliation.tests.attesting import make_run as make_attested_run
from apps.reconciliation.tests.factories import make_break, make_wallet, missing, propose
from apps.securities.tests.factories import make_isin, make_security
from apps.settlement.models import SettlementInstruction
from tests.flows.sweep.operations import Operation

_numbers = count(1)


class Scene:
    """Alice sold to Bob and has an order left; one issuer has an issuance sent and one to decide, a rival its own."""

    def __init__(self) -> None:
        self.market = Market()
        self.alice, self.bob = (self.market.trader(units=1000, cash=1000) for _ in range(2))
        self.stranger = self.market.trader(units=1000, cash=1000)
        self.order_id = self._order(self.alice, "SELL", 10)
        self.bobs_order_id = self._order(self.bob, "BUY", 4)
        self.market.match()
        self.instruction_id: UUID = SettlementInstruction.objects.get().pk
        self.issue, self.rival = make_issue(), make_issue()
        self.request, self.rivals_request = self.ask(self.issue), self.ask(self.rival)
        self.minting, self.rivals_minting = self.approve(self.issue), self.approve(self.rival)
        self.holder = make_user(party=self.issue.holder)
        self.draft_security = make_security(actor=self.issue.maker_actor, active=False)
        self.key = Account.create()
        self.users = {
            Role.INVESTOR.value: self.alice.user,
            Role.ISSUER.value: self.issue.checker,
            Role.COMPLIANCE.value: make_user(role=Role.COMPLIANCE),
            Role.OPS.value: make_user(role=Role.OPS),
        }
        self.clients = {role: api_client(user) for role, user in self.users.items()}
        self.anyone = api_client()
        challenge = challenge_wallet(actor=self.alice.actor, address=self.key.address.lower(), now=clock.now())
        self.challenge_id = challenge.challenge_id
        signed = self.key.sign_message(encode_defunct(text=challenge.message)).signature.hex()
        self.signature = "0x" + signed.removeprefix("0x")
        self.attested_run_id: UUID = make_attestation(make_attested_run(self.market.isin), {}).run_id
        pass_horizon()
        sequence()
        self.broken, self.resolution_id = self._break(), self.propose()
        self.event_id: int = AuditLeaf.objects.earliest("index").event_id

    def _order(self, who: Trader, side: str, quantity: int) -> UUID:
        ticket = self.market.ticket(side, "10.00", quantity)
        return place_order(actor=who.actor, ticket=ticket, now=clock.now()).order_id

    @staticmethod
    def ask(issue: Issue) -> IssuanceView:
        """An issuance that waits for its second person."""
        return request_issuance(actor=issue.maker_actor, draft=issue.draft(), now=clock.now())

    def approve(self, issue: Issue) -> IssuanceView:
        """An issuance whose mint is on its way."""
        asked = self.ask(issue)
        return approve_issuance(actor=issue.checker_actor, issuance_id=asked.id, now=clock.now())

    def _break(self) -> Break:
        """Units on the chain that are not in the books, found by a run and not looked at by anyone."""
        return make_break(missing(self.market.isin, make_wallet()))

    def propose(self) -> UUID:
        """A resolution of a break of its own that waits for compliance."""
        return propose(self._break(), actor_of(self.users[Role.OPS.value]))

    def fresh(self, operation: Operation) -> dict[str, Any]:
        """Ids of things that wait for this operation alone."""
        makers: dict[str, Callable[[], Any]] = {
            "issuance_id": lambda: self.ask(self.issue).id,
            "break_id": lambda: self._break().pk,
            "resolution_id": self.propose,
        }
        return {name: makers[name]() for name in operation.parameters if name in makers}

    @contextmanager
    def matching(self) -> Iterator[None]:
        """A matcher at work beside the test."""
        done = threading.Event()

        def match() -> None:
            try:
                while not done.wait(0.005):
                    self.market.match()
            finally:
                connections.close_all()

        thread = threading.Thread(target=match)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def client(self, operation: Operation) -> ApiClient:
        """A client that may."""
        return self.clients[operation.role] if operation.role else self.anyone

    def client_of(self, user: User) -> ApiClient:
        """A client of this user."""
        return api_client(user)

    def path(self, operation: Operation, **other: Any) -> str:
        """The operation's address with ids of things there are, but for the others. KeyError: name yours here."""
        known = {
            "isin": self.issue.security.isin,
            "order_id": self.order_id,
            "issuance_id": self.request.id,
            "instruction_id": self.instruction_id,
            "intent_id": self.minting.intent_id,
            "party_id": self.alice.actor.party_id,
            "event_id": self.event_id,
            "run_id": uuid4(),  # a run needs a chain; unknown to everyone here
            "break_id": self.broken.pk,
            "resolution_id": self.resolution_id,
        }
        return operation.path.format(**{name: (known | other)[name] for name in operation.parameters})

    def query(self, operation: Operation) -> str:
        """What its query cannot do without, or may as well say."""
        if operation.name == "get_audit_consistency":
            return "?from=1&to=1"
        return f"?isin={self.market.isin}" if "isin" in operation.query else ""

    def body(self, operation: Operation) -> dict[str, Any]:
        """A body the operation accepts: written here, or made from its schema."""
        by_name = self._bodies().get(operation.name)
        if by_name is not None:
            return by_name
        return {name: _example(schema) for name, schema in operation.fields.items()}

    def _bodies(self) -> dict[str, dict[str, Any]]:
        isin, number = self.issue.security.isin, next(_numbers)
        return {
            "log_in": {"username": self.alice.user.username, "password": PASSWORD},
            "open_party": {"kind": "LEGAL", "legal_name": "Example Holding", "country": "LI"},
            "add_user": {
                "username": f"newcomer-{number}",
                "password": "a long enough phrase of words",
                "party_id": str(self.alice.actor.party_id),
                "role": "INVESTOR",
            },
            "decide_kyc": {"status": "APPROVED", "reason": "documents seen", "accredited": True},
            "update_profile": {"tax_residence": "CH", "accreditation_claimed": True},
            "challenge_wallet": {"address": f"0x{number:040x}"},
            "prove_wallet": {"challenge_id": str(self.challenge_id), "signature": self.signature},
            "place_order": {
                "client_order_id": f"sweep-{number}",
                "isin": self.market.isin,
                "side": "BUY",
                "order_type": "LIMIT",
                "price": "9.00",
                "quantity": "1",
                "time_in_force": "GTC",
            },
            "cancel_order": {"client_cancel_id": f"sweep-cancel-{number}"},
            "request_issuance": {
                "client_request_id": f"sweep-{number}",
                "isin": isin,
                "party_id": str(self.issue.holder.pk),
                "quantity": "1",
            },
            "ingest_transaction": {"tx_hash": "0x" + "ab" * 32},
            "order_token": {"isin": self.draft_security.isin, "agents": [f"0x{number:040x}"]},
            "reconcile": {"isin": isin},
            "assign_break": {"owner_id": str(self.users[Role.OPS.value].pk)},
            "propose_resolution": {"kind": "POST", "reason": "as the chain says"},
            "create_security": {
                "isin": make_isin(),
                "name": "Example Fund II",
                "cfi": "ESVUFR",
                "exemption": "REG_D_506C",
                "quantity_decimals": 0,
                "authorized_quantity": "1000",
                "cash_asset": "USDX",
                "tick": "0.01",
                "lot": "1",
                "min_quantity": "1",
                "max_quantity": "1000",
                "days_to_settle": 0,
            },
        }


def _example(schema: dict[str, Any]) -> Any:
    """A value the schema allows, for a body nobody has written down yet."""
    for part in schema.get("allOf", ()):
        schema = schema | part
    if "enum" in schema:
        return schema["enum"][0]
    by_type = {"boolean": True, "integer": schema.get("minimum", 1), "array": [], "object": {}}
    by_format = {"uuid": str(uuid4()), "date": "2026-01-02", "date-time": "2026-01-02T03:04:05Z"}
    return by_type.get(schema.get("type", ""), by_format.get(schema.get("format", ""), "example"))
