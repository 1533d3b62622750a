"""Keys at hand are those used a moment ago: never one that was forgotten since, and never too many."""

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault.keys.data_keys import DataKey
from apps.vault.keys.keyring import Keyring
from apps.vault.keys.memory import Held, Memory
from apps.vault.types import Purpose


def key(number: int) -> DataKey:
    return DataKey(UUID(int=number), 1, Purpose.PERSONAL, UUID(int=7), AESGCM(bytes(32)))


def laid_out(memory: Memory, *, epoch: int, number: int = 1) -> None:
    memory.lay_out(key(number), now=0.0, until=1.0, epoch=epoch, live=True)


class TestKeysAtHand:
    def test_are_gone_once_all_is_forgotten(self) -> None:
        memory = Memory(10)
        laid_out(memory, epoch=memory.epoch)
        assert memory.at_hand.by_id
        memory.forget()
        assert not memory.at_hand.by_id
        assert not memory.at_hand.live

    def test_do_not_come_back_with_what_was_read_before_all_was_forgotten(self) -> None:
        memory = Memory(10)
        epoch = memory.epoch
        memory.forget()
        laid_out(memory, epoch=epoch)
        assert not memory.at_hand.by_id

    def test_go_with_the_purpose_key_that_opened_them(self) -> None:
        memory = Memory(10)
        laid_out(memory, epoch=memory.epoch)
        memory.forget_under({1})
        assert not memory.at_hand.by_id

    def test_go_when_another_key_takes_a_subject_over(self) -> None:
        memory = Memory(10)
        for number in (1, 2):
            held = Held(UUID(int=number), 1, key(number))
            memory.put(held, epoch=memory.epoch, live=(Purpose.PERSONAL, UUID(int=7)))
            if number == 1:
                laid_out(memory, epoch=memory.epoch)
        assert not memory.at_hand.live

    def test_are_no_more_than_memory_holds(self) -> None:
        memory = Memory(10)
        for number in range(25):
            laid_out(memory, epoch=memory.epoch, number=number)
        assert len(memory.at_hand.by_id) == 5

    def test_last_as_long_as_the_first_of_them(self) -> None:
        memory = Memory(10)
        memory.lay_out(key(1), now=0.0, until=1.0, epoch=0, live=False)
        memory.lay_out(key(2), now=0.5, until=0.7, epoch=0, live=False)
        assert memory.at_hand.until == 0.7


@pytest.mark.django_db
class TestAKeyring:
    def test_looks_for_every_key_again_when_it_is_told_to(self) -> None:
        ring = Keyring()
        made = ring.current(Purpose.PERSONAL, UUID(int=9))
        assert ring.at_hand(made.id.bytes) is made
        ring.look_again()
        assert ring.at_hand(made.id.bytes) is None

    def test_has_no_key_at_hand_for_longer_than_another_process_may_have_destroyed_it(self) -> None:
        moment = [100.0]
        ring = Keyring(monotonic=lambda: moment[0])
        made = ring.current(Purpose.PERSONAL, UUID(int=9))
        assert ring.at_hand(made.id.bytes) is made
        moment[0] += 1.0
        assert ring.at_hand(made.id.bytes) is None
