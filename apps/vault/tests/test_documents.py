"""Documents: stored encrypted in a folder or a bucket, read whole or in part, and gone when they should be."""

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import storages

from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import run_sql, unit_of_work
from apps.core.errors import InvalidValue
from apps.core.ids import new_id
from apps.core.models import Alert
from apps.core.testing.databases import urls_of
from apps.vault.documents.blobs import documents
from apps.vault.documents.reading import blob_name
from apps.vault.documents.stream import CHUNK, HEADER
from apps.vault.errors import (
    DocumentDamaged,
    DocumentsUnavailable,
    DocumentTooLarge,
    RangeNotSatisfiable,
    SubjectErased,
    UnknownDocument,
    Unreadable,
)
from apps.vault.models import Document
from apps.vault.selectors.documents import documents_of, open_document
from apps.vault.services.documents import remove_document, store_document, tidy_documents

# from apps.vault.services.erasure import erase_subject
from apps.vault.services.erasure import erase_subject
from apps.vault.tests.stores import a_bucket, a_folder, stored_in
from apps.vault.types import DocumentState, DocumentView

NAME = "passport of Ada Wintergreen.pdf"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    with a_folder(tmp_path) if request.param == "folder" else a_bucket() as storage:
        yield storage


def store_(content: bytes, subject: UUID | None = None, **options: Any) -> DocumentView:
    terms = {"kind": "PASSPORT", "name": NAME, "media_type": "application/pdf", "now": clock.now()}
    return store_document(subject=subject or new_id(), content=io.BytesIO(content), **terms | options)


def whole(view: DocumentView) -> bytes:
    return b"".join(open_document(view.document_id).read())


def stored_bytes(view: DocumentView) -> bytes:
    with documents().open_at(blob_name(Document.objects.get(pk=view.document_id)), 0) as file:
        return file.read()


def exchange(view: DocumentView, content: bytes) -> None:
    """Put other bytes in its place, as only who has the store itself can."""
    name = blob_name(Document.objects.get(pk=view.document_id))
    storages["documents"].delete(name)
    storages["documents"].save(name, io.BytesIO(content))


def everything_in(store: dict[str, Any]) -> list[str]:
    storage: Any = storages["documents"]
    if "bucket_name" in store["OPTIONS"]:
        found = storage.connection.meta.client.list_objects_v2(Bucket=store["OPTIONS"]["bucket_name"])
        return [item["Key"] for item in found.get("Contents", [])]
    return [str(path) for path in Path(store["OPTIONS"]["location"]).rglob("*") if path.is_file()]


@pytest.mark.usefixtures("books")
class TestDocuments:
    @pytest.mark.parametrize("size", [0, 1, CHUNK, 9 * 2**20 + 1])
    def test_what_is_stored_is_read_again(self, store: dict[str, Any], size: int) -> None:
        content = os.urandom(size)
        view = store_(content)
        assert (view.size, view.kind, view.media_type) == (size, "PASSPORT", "application/pdf")
        found = open_document(view.document_id)
        assert (found.name, found.size, found.sha256) == (NAME, size, hashlib.sha256(content).hexdigest())
        assert b"".join(found.read()) == content

    def test_any_range_is_read_without_the_rest(self, store: dict[str, Any]) -> None:
        content = os.urandom(5 * CHUNK + 100)
        found = open_document(store_(content).document_id)
        for start, end in (
            (0, 1),
            (CHUNK - 1, CHUNK + 1),
            (3 * CHUNK, 5 * CHUNK),
            (5 * CHUNK, 5 * CHUNK + 100),
            (7, 7),
        ):
            assert b"".join(found.read(start, end)) == content[start:end]
        assert b"".join(found.read(5 * CHUNK + 99, 10**12)) == content[-1:]
        for start, end in ((-1, 5), (len(content) + 1, None), (5, 4)):
            with pytest.raises(RangeNotSatisfiable):
                found.read(start, end)

    def test_nothing_of_it_lies_in_clear(self, store: dict[str, Any]) -> None:
        content = b"Ada Wintergreen, born in Graz. " * 5000
        view = store_(content)
        row = Document.objects.filter(pk=view.document_id).values().get()
        assert b"Wintergreen" not in stored_bytes(view)
        assert "Wintergreen" not in "".join(everything_in(store))
        assert "Wintergreen" not in repr(row) + repr(open_document(view.document_id))
        assert hashlib.sha256(content).hexdigest() not in repr(row)

    def test_the_same_content_twice_shares_nothing(self, store: dict[str, Any]) -> None:
        subject = new_id()
        first, second = store_(b"the same", subject), store_(b"the same", subject)
        assert stored_bytes(first)[HEADER:] != stored_bytes(second)[HEADER:]
        assert [view.document_id for view in documents_of(subject)] == [first.document_id, second.document_id]

    def test_changed_cut_or_exchanged_it_is_refused_and_told(self, store: dict[str, Any]) -> None:
        view, other = store_(os.urandom(2 * CHUNK)), store_(os.urandom(2 * CHUNK))
        kept = stored_bytes(view)
        changed = kept[:-1] + bytes([kept[-1] ^ 1])
        for content in (changed, kept[:-1], kept[: HEADER + CHUNK + 16], b"", stored_bytes(other)):
            exchange(view, content)
            with pytest.raises(DocumentDamaged):
                whole(view)
        exchange(view, kept)
        assert len(whole(view)) == 2 * CHUNK
        assert Alert.objects.filter(dedup_key__contains="vault_document", resolved_at=None).exists()

    def test_missing_in_the_store_it_is_refused(self, store: dict[str, Any]) -> None:
        view = store_(b"here")
        storages["documents"].delete(blob_name(Document.objects.get(pk=view.document_id)))
        with pytest.raises(DocumentDamaged):
            whole(view)

    def test_too_large_nothing_of_it_is_kept(self, store: dict[str, Any]) -> None:
        subject = new_id()
        with pytest.raises(DocumentTooLarge):
            store_(bytes(3 * CHUNK), subject, limit=3 * CHUNK - 1)
        assert everything_in(store) == []
        assert documents_of(subject) == []
        assert whole(store_(bytes(3 * CHUNK), subject, limit=3 * CHUNK)) == bytes(3 * CHUNK)

    def test_a_source_that_breaks_leaves_nothing(self, store: dict[str, Any]) -> None:
        class Breaking(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() > 2 * CHUNK:
                    raise ConnectionResetError
                return super().read(size)

        with pytest.raises((ConnectionResetError, DocumentsUnavailable)):
            terms = {"kind": "PASSPORT", "name": NAME, "media_type": "application/pdf"}
            store_document(subject=new_id(), content=Breaking(bytes(9 * CHUNK)), now=clock.now(), **terms)
        assert everything_in(store) == []

    def test_a_removed_one_is_gone(self, store: dict[str, Any]) -> None:
        view = store_(b"to go")
        for _ in range(2):
            remove_document(document_id=view.document_id, now=clock.now())
        assert everything_in(store) == []
        with pytest.raises(UnknownDocument):
            open_document(view.document_id)

    def test_an_erased_subjects_documents_do_not_open_and_are_removed(self, store: dict[str, Any]) -> None:
        subject = new_id()
        view, other = store_(b"hers", subject), store_(b"another's")
        opened = open_document(view.document_id)
        erase_subject(actor=system_actor(), subject=subject, now=clock.now())
        with pytest.raises(SubjectErased):
            open_document(view.document_id)
        assert tidy_documents(now=clock.now()) == 1
        assert len(everything_in(store)) == 1
        assert whole(other) == b"another's"
        with pytest.raises(DocumentDamaged):
            opened.check()

    def test_what_was_never_finished_is_removed_in_time(self, store: dict[str, Any]) -> None:
        view = store_(b"left behind")
        Document.objects.filter(pk=view.document_id).update(
            state=DocumentState.WRITING, size=None, stored_at=None, stored_sha256=""
        )
        assert tidy_documents(now=clock.now()) == 0
        with pytest.raises(UnknownDocument):
            open_document(view.document_id)
        assert tidy_documents(now=clock.now() + timedelta(days=1)) == 1
        assert everything_in(store) == []

    def test_a_row_with_anothers_particulars_is_refused(self, store: dict[str, Any]) -> None:
        view, other = store_(b"first"), store_(b"second")
        with unit_of_work():
            statement = "UPDATE vault_document d SET particulars = o.particulars FROM vault_document o WHERE {}"
            run_sql(statement.format("d.id = %s AND o.id = %s"), [view.document_id, other.document_id])
        with pytest.raises(Unreadable):
            open_document(view.document_id)

    @pytest.mark.parametrize("odd", [{"name": ""}, {"name": "x" * 256}])
    def test_odd_terms_are_refused_and_nothing_is_kept(self, store: dict[str, Any], odd: dict[str, Any]) -> None:
        before = Document.objects.count()
        with pytest.raises(InvalidValue):
            store_(b"x", **odd)
        assert everything_in(store) == []
        assert Document.objects.count() == before

    def test_it_is_not_stored_within_a_unit_of_work(self, store: dict[str, Any]) -> None:
        with pytest.raises(RuntimeError, match="unit of work"), unit_of_work():
            store_(b"x")


@pytest.mark.usefixtures("books")
class TestAStoreThatIsDown:
    def test_one_that_is_to_go_is_read_no_more_and_removed_when_the_store_is_back(self) -> None:
        with a_bucket() as storage:
            view = store_(b"to go")
        with stored_in(storage):  # its server has ended
            with pytest.raises(DocumentsUnavailable):
                remove_document(document_id=view.document_id, now=clock.now())
            with pytest.raises(UnknownDocument):
                open_document(view.document_id)
        with a_bucket():
            assert tidy_documents(now=clock.now()) >= 1
            assert Document.objects.get(pk=view.document_id).state == DocumentState.REMOVED

    def test_it_is_said_and_nothing_is_kept(self, tmp_path: Path) -> None:
        with a_bucket() as storage:
            view = store_(b"kept before")
        with stored_in(storage):  # its server has ended
            subject = new_id()
            with pytest.raises(DocumentsUnavailable):
                store_(b"not kept", subject)
            with pytest.raises(DocumentsUnavailable):
                whole(view)
            assert documents_of(subject) == []

    def test_a_folder_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        blocked = tmp_path / "blocked"
        blocked.write_text("a file where the folder should be")
        with a_folder(blocked), pytest.raises(DocumentsUnavailable):
            store_(b"x")


@pytest.mark.usefixtures("books")
class TestKilled:
    def test_while_it_stores_leaves_only_what_is_removed_in_time(self, books: str, tmp_path: Path) -> None:
        subject = new_id()
        with a_folder(tmp_path) as storage:
            command = [sys.executable, "-m", "apps.vault.tests.storing", str(subject)]
            environment = {**os.environ, **urls_of(books), "DOCUMENTS_LOCATION": str(tmp_path)}
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for _ in range(20):
                    assert process.stdout.readline() == "more\n"
                process.kill()
            assert len(everything_in(storage)) == 1
            row = Document.objects.get(subject=subject)
            assert row.state == DocumentState.WRITING
            with pytest.raises(UnknownDocument):
                open_document(row.pk)
            assert tidy_documents(now=clock.now() + timedelta(hours=7)) == 1
            assert everything_in(storage) == []
