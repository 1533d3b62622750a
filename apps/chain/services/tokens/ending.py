"""The end of a token: it speaks for its security up to a final block at which nobody holds any of it."""

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import ChainUnavailable, NotCovered, TokenInUse, UnknownToken
from apps.chain.gateway import Node
from apps.chain.models import StreamCursor, TokenBinding, TokenSupply, TxIntent
from apps.chain.selectors import blocks, holdings, storage
from apps.chain.selectors.blocks import STREAM
from apps.chain.selectors.tokens import binding_view
from apps.chain.types import ENDED, TOKEN_ENDED, BindingView
from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import fetch_one, unit_of_work, within_unit_of_work
from apps.core.errors import InvalidValue

HOLD = "SELECT id FROM chain_tokenbinding WHERE isin = %s AND valid_to_block IS NULL FOR SHARE"


def end_token(*, actor: Actor, node: Node, isin: str, address: str, reason: str) -> BindingView:
    """End a token's time at the last final block; another may then be deployed or registered for the ISIN.

    What its contract does later moves no books. Asked again it changes nothing. Raises TokenInUse naming why: its
    `supply` is not nil in logs, storage or the blocks that are not final yet; `transactions` of ours to it have not
    ended; `deployment` where it has no address; `blocks` where one became final meanwhile. Raises UnknownToken,
    InvalidValue without a reason, NotCovered, UndecodedLogs, and ChainUnavailable where its storage cannot be read.
    """
    if not reason.strip():
        raise InvalidValue("Say why the token ends.")
    token = address.lower()
    ended = TokenBinding.objects.filter(isin=isin, address=token, valid_to_block__isnull=False).first()
    if ended:
        return binding_view(ended)
    final = blocks.final_head()
    if final is None:
        raise NotCovered(address=token, block_number=0)
    _require_bound(isin, token)
    _require_nil(isin, node, token, final.number, final.hash)
    with unit_of_work():
        return _end(actor, isin, token, final.number, reason.strip())


def _require_bound(isin: str, token: str) -> TokenBinding:
    binding = TokenBinding.objects.filter(isin=isin, valid_to_block=None).first()
    if binding and not binding.address:
        raise TokenInUse(isin=isin, why="deployment")
    if binding is None or binding.address != token:
        raise UnknownToken(isin=isin)
    return binding


def _require_nil(isin: str, node: Node, token: str, number: int, block_hash: str) -> None:
    """By its logs and by its storage nobody holds any, at the end of a final block."""
    fold = holdings.fold(token, number)
    stored = storage.total_supply_at(node, token, block_hash)
    if stored is None:
        raise ChainUnavailable(address=token, block_number=number)
    if fold.supply or stored or any(fold.by_wallet.values()):
        raise TokenInUse(isin=isin, why="supply")


@within_unit_of_work
def _end(actor: Actor, isin: str, token: str, number: int, reason: str) -> BindingView:
    # No block is stored or becomes final meanwhile: what follows the end is not in anybody's books yet.
    StreamCursor.objects.select_for_update(no_key=True).get(name=STREAM)
    TokenBinding.objects.select_for_update(no_key=True).get(pk=_require_bound(isin, token).pk)
    binding, final = _require_bound(isin, token), blocks.final_head()
    if final is None or final.number != number or (binding.deploy_block or 0) > number:
        raise TokenInUse(isin=isin, why="blocks")
    if TokenSupply.objects.filter(token=token).exclude(head=0).exists():
        raise TokenInUse(isin=isin, why="supply")
    if TxIntent.objects.filter(to=token).exclude(state__in=ENDED).exists():
        raise TokenInUse(isin=isin, why="transactions")
    binding.valid_to_block = number
    binding.save(update_fields=["valid_to_block"])
    outbox.publish(topic=TOKEN_ENDED, key=isin, payload={"isin": isin, "address": token, "block_number": number})
    log_audit_event(
        actor=actor,
        action="chain.token_ended",
        resource_type="security",
        resource_id=isin,
        after={"address": token, "block_number": number, "reason": reason},
    )
    return binding_view(binding)


@within_unit_of_work
def hold_token(*, isin: str) -> None:
    """Let nobody end the token of an ISIN before the caller commits; nothing where there is none."""
    fetch_one(HOLD, [isin])


def first_attempt(isin: str) -> int:
    """The number of a new token's first attempt: keys of transactions are not used twice."""
    last = TokenBinding.objects.filter(isin=isin).order_by("-attempts").first()
    return last.attempts + 1 if last else 1


def valid_from(isin: str, first: int) -> int | None:
    """From when a token speaks for an ISIN, where that is after its first block."""
    before = TokenBinding.objects.filter(isin=isin, valid_to_block__gte=first).order_by("-valid_to_block").first()
    return before.valid_to_block + 1 if before and before.valid_to_block is not None else None
