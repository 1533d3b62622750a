"""What follows when a transaction of ours ends: the next step of the token or identity it was for, or its record."""

from collections.abc import Callable
from uuid import UUID

from apps.chain.services import anchoring, claims, identities, tokens
from apps.chain.types import INTENT_FINAL
from apps.core import clock
from apps.core.registry import Event


def handle(event: Event) -> None:
    """Consume "chain.intent_final" and "chain.intent_failed"; what is not of our kinds is another room's."""
    kind = event.payload["kind"]
    steps = ON_FINAL if event.topic == INTENT_FINAL else ON_FAILED
    if step := steps.get(kind):
        step(event, event.payload["business_key"].split(":")[1])


def _open_token(event: Event, isin: str) -> None:
    tokens.open_deployed(isin=isin, intent_id=UUID(event.payload["intent_id"]), now=clock.now())


def _go_live(_event: Event, isin: str) -> None:
    tokens.go_live(isin=isin, now=clock.now())


def _token_failed(event: Event, isin: str) -> None:
    payload = event.payload
    tokens.give_up(isin=isin, kind=payload["kind"], reason=payload["reason"], now=clock.now())


def _agent_added(event: Event, isin: str) -> None:
    if tokens.is_admission(event.payload["business_key"]):
        tokens.admitted(isin=isin, now=clock.now())
    else:
        _go_live(event, isin)


def _agent_not_added(event: Event, isin: str) -> None:
    if tokens.is_admission(event.payload["business_key"]):
        tokens.not_admitted(isin=isin, reason=event.payload["reason"], now=clock.now())
    else:
        _token_failed(event, isin)


def _claim(event: Event, wallet: str) -> None:
    identities.claim_created(wallet_address=wallet, intent_id=UUID(event.payload["intent_id"]))


def _claimed(_event: Event, wallet: str) -> None:
    identities.finish_claim(wallet_address=wallet)


def _claim_failed(event: Event, wallet: str) -> None:
    identities.fail_claim(wallet_address=wallet, reason=event.payload["reason"])


def _registered(_event: Event, wallet: str) -> None:
    identities.finish_registration(wallet_address=wallet)


def _not_registered(event: Event, wallet: str) -> None:
    identities.fail_registration(wallet_address=wallet, reason=event.payload["reason"])


def _anchored(event: Event, _size: str) -> None:
    anchoring.record_sent(intent_id=UUID(event.payload["intent_id"]), now=clock.now())


def _not_anchored(event: Event, _size: str) -> None:
    anchoring.give_up(reason=event.payload["reason"], now=clock.now())


Step = Callable[[Event, str], None]

ON_FINAL: dict[str, Step] = {
    tokens.DEPLOY: _open_token,
    tokens.UNPAUSE: _go_live,
    tokens.ALLOW: _go_live,
    tokens.AGENT: _agent_added,
    identities.CREATE: _claim,
    claims.CLAIM: _claimed,
    identities.REGISTER: _registered,
    anchoring.KIND: _anchored,
}
ON_FAILED: dict[str, Step] = {
    tokens.DEPLOY: _token_failed,
    tokens.UNPAUSE: _token_failed,
    tokens.ALLOW: _token_failed,
    tokens.AGENT: _agent_not_added,
    identities.CREATE: _claim_failed,
    claims.CLAIM: _claim_failed,
    identities.REGISTER: _not_registered,
    anchoring.KIND: _not_anchored,
}
