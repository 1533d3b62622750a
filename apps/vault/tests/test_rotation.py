"""Rotation while the books are open: nobody fails to read, no write is lost, and nothing is left under former keys."""

from collections import Counter
from contextlib import ExitStack
from uuid import UUID

import pytest

from apps.core import clock
from apps.vault.keys import keyring
from apps.vault.models import Document, PurposeKey, SubjectKey
from apps.vault.selectors.rotation import RotationView
from apps.vault.tests.rotating import SHORT, Beside, lagging, load, reading, rotate, under_former_keys, writing
from apps.vault.types import Purpose, RotationState


def rotate_beside(rows: int, subjects: int, capsys: pytest.CaptureFixture[str]) -> RotationView:
    ids = load(rows, subjects=subjects)
    former = PurposeKey.objects.get(purpose="documents", retired_at=None)
    half = len(ids) // 4
    acts = [reading(ids), reading(ids), writing(ids[:half]), writing(ids[half : 2 * half]), lagging(ids[2 * half :])]
    with ExitStack() as stack:
        beside = [stack.enter_context(Beside(act, seed)) for seed, act in enumerate(acts)]
        rotating = clock.now()
        view = rotate(seconds=60 + rows / 500, grace=SHORT)
        seconds = (view.emptied_at - rotating).total_seconds()  # type: ignore[operator]
        answers = [child.end() for child in beside]
    told = {
        "rows": rows,
        "rows/s until none is left": int(view.rewritten / seconds),
        "longest transaction, s": round(view.longest_commit_seconds, 2),
        "turns": view.turn,
        "left to writers": view.left_to_writers,
        "reads": sum(answers[0] + answers[1]),
        "writes": len(answers[2] + answers[3]),
    }
    with capsys.disabled():
        print(f"\n{told}")
    assert sum(answers[0]) > 0 < sum(answers[1])
    keyring().forget()
    written = Counter(answers[2] + answers[3])
    assert len(written) > 0
    assert_whole(ids, written)
    assert_nothing_under(former, view)
    return view


def assert_whole(ids: list[UUID], written: Counter[UUID]) -> None:
    """Every row opens, in a process that knows no key, and no write is lost."""
    seen = {row.pk: row.particulars for row in Document.objects.filter(pk__in=ids)}
    assert len(seen) == len(ids)
    assert {pk: found["written"] for pk, found in seen.items() if found["written"]} == dict(written)
    assert all(found["name"] == str(pk) for pk, found in seen.items())


def assert_nothing_under(former: PurposeKey, view: RotationView) -> None:
    assert view.state is RotationState.DONE
    assert (view.unreadable, view.keys_unreadable, view.keys_kept) == (0, 0, 0)
    assert under_former_keys() == 0
    whole = SubjectKey.objects.filter(purpose="documents", wrapped__isnull=False)
    assert not whole.filter(kek=former).exists()
    assert not whole.exclude(superseded_at=None).exists()
    assert not SubjectKey.objects.filter(purpose="documents", superseded_at=None, wrapped=None).exists()


@pytest.mark.usefixtures("books")
class TestRotation:
    def test_of_twenty_thousand_rows_beside_readers_and_writers(self, capsys: pytest.CaptureFixture[str]) -> None:
        view = rotate_beside(20_000, 2_000, capsys)
        assert view.keys == view.keys_destroyed == 2_000
        assert view.longest_commit_seconds < 1.5

    @pytest.mark.soak
    def test_of_a_million_rows_beside_readers_and_writers(self, capsys: pytest.CaptureFixture[str]) -> None:
        view = rotate_beside(1_000_000, 50_000, capsys)
        assert view.longest_commit_seconds < 1.5


@pytest.mark.usefixtures("books")
class TestASmallRotation:
    def test_done_again_leaves_one_whole_key_a_subject(self) -> None:
        ids = load(300, subjects=30)
        for _ in range(2):
            rotate(Purpose.DOCUMENTS)
        assert_whole(ids, Counter())
        subjects = Document.objects.filter(pk__in=ids).values("subject")
        whole = SubjectKey.objects.filter(purpose="documents", subject__in=subjects, wrapped__isnull=False)
        assert whole.count() == 30
        assert Counter(whole.values_list("superseded_at", flat=True)) == {None: 30}

    def test_without_rows_wraps_keys_and_leaves_the_rows_as_they_are(self) -> None:
        ids = load(100, subjects=10)
        before = dict(Document.objects.filter(pk__in=ids).values_list("pk", "particulars"))
        former = PurposeKey.objects.get(purpose="documents", retired_at=None)
        view = rotate(with_rows=False)
        assert (view.rewritten, view.keys_destroyed) == (0, 0)
        after = dict(Document.objects.filter(pk__in=ids).values_list("pk", "particulars"))
        assert {pk: value.ciphertext for pk, value in after.items()} == {pk: v.ciphertext for pk, v in before.items()}
        assert not SubjectKey.objects.filter(kek=former, wrapped__isnull=False).exists()
        keyring().forget()
        assert_whole(ids, Counter())
