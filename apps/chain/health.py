"""What operators see of the stream."""

from collections.abc import Mapping

from apps.chain.models import DeadLetter, Signer, TxIntent, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.types import ENDED
from apps.core.registry import Health


def stream_health() -> Health:
    """Down for projections while halted; the rest of the platform keeps serving."""
    stream = blocks.stream()
    if stream is None:
        return Health(ok=False, detail="no block stored yet", required=False)
    if stream.halted:
        return Health(ok=False, detail=f"halted at block {stream.number}: {stream.halted}", required=False)
    return Health(ok=True, detail=f"block {stream.number}, final {stream.final_number}", required=False)


def read_stream_metrics() -> Mapping[str, float]:
    """Heights as counts, and what waits for a person or for a backfill."""
    stream = blocks.stream()
    final = stream.final_number if stream and stream.final_number is not None else -1
    return {
        "chain_head_block": stream.number if stream else -1,
        "chain_final_block": final,
        "chain_stream_halted": int(bool(stream and stream.halted)),
        "chain_dead_letters_open": DeadLetter.objects.filter(resolved_at=None).count(),
        "chain_contracts_uncovered": WatchedContract.objects.filter(covered=False).count(),
    }


def signer_health() -> Health:
    """Degraded while a signer is frozen or none is set up."""
    frozen = Signer.objects.exclude(frozen_at=None).values_list("role", "frozen_reason")
    if frozen:
        return Health(ok=False, detail=", ".join(f"{role} frozen: {why}" for role, why in frozen), required=False)
    number = Signer.objects.count()
    return Health(ok=number > 0, detail=f"{number} signers", required=False)


def read_sender_metrics() -> Mapping[str, float]:
    """What is on its way, and what stopped."""
    return {
        "chain_intents_open": TxIntent.objects.exclude(state__in=ENDED).count(),
        "chain_signers_frozen": Signer.objects.exclude(frozen_at=None).count(),
    }
