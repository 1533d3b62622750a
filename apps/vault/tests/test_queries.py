"""What a query may do with an encrypted column: hand it out, and ask whether it is there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import transaction
from django.db.models import Case, Count, Exists, F, Max, Min, OuterRef, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import Cast, Coalesce, Length, Rank, Upper

from apps.accounts.models import Membership, Party
from apps.accounts.tests.factories import make_user
from apps.vault.fields import HIDDEN, Sealed
from apps.vault.tests.stage import Person, Twin, set_the_stage

Question = Callable[[QuerySet[Any]], Any]

REFUSED: dict[str, Question] = {
    "sorted": lambda rows: rows.order_by("name"),
    "sorted downwards": lambda rows: rows.order_by("town", "-name"),
    "sorted by an expression": lambda rows: rows.order_by(F("name").desc(nulls_last=True)),
    "sorted by what it is made of": lambda rows: rows.order_by(Upper("name")),
    "sorted where it is handed out": lambda rows: rows.values("name").order_by("name"),
    "sorted where a list of it is handed out": lambda rows: rows.values_list("name", flat=True).order_by(F("name")),
    "sorted under an alias": lambda rows: rows.alias(known=F("name")).order_by("known"),
    "the latest": lambda rows: rows.latest("name"),
    "distinct": lambda rows: rows.distinct("name"),
    "the largest": lambda rows: rows.aggregate(Max("name")),
    "the smallest": lambda rows: rows.aggregate(Min("facts")),
    "counted": lambda rows: rows.aggregate(Count("name")),
    "counted without repeats": lambda rows: rows.aggregate(Count("email", distinct=True)),
    "the largest of a few": lambda rows: rows.order_by("pk")[:3].aggregate(Max("name")),
    "the largest for each": lambda rows: rows.values("town").annotate(last=Max("name")),
    "grouped": lambda rows: rows.values("name").annotate(Count("pk")),
    "grouped with another": lambda rows: rows.values("town", "name").annotate(Count("pk")),
    "called something else": lambda rows: rows.annotate(known=F("name")),
    "called something else as a value": lambda rows: rows.values(known=F("name")),
    "measured": lambda rows: rows.annotate(size=Length("name")),
    "another type": lambda rows: rows.annotate(text=Cast("name", Person._meta.get_field("town"))),
    "the first of several": lambda rows: rows.annotate(one=Coalesce("email", "name")),
    "chosen": lambda rows: rows.annotate(one=Case(When(town="", then=F("name")), default=F("email"))),
    "ranked": lambda rows: rows.annotate(place=Window(Rank(), order_by="name")),
    "compared with": lambda rows: rows.filter(town=F("name")),
    "compared with another table's": lambda rows: rows.annotate(twin=Exists(Twin.objects.filter(pk=OuterRef("name")))),
    "copied": lambda rows: rows.update(town=F("name")),
    "copied into another encrypted column": lambda rows: rows.update(email=F("name"), email_index=None),
    "computed into another column": lambda rows: rows.update(town=Upper("name")),
    "part of a condition": lambda rows: rows.update(town=Case(When(pk=F("name"), then=Value("x")), default=Value(""))),
}


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[None]:
    set_the_stage()
    Person.objects.bulk_create([Person(name=f"name {n}", email=f"{n}@example.com", town="Ely") for n in range(3)])
    return None


@pytest.mark.usefixtures("stage")
class TestAnEncryptedColumnIsNot:
    @pytest.mark.parametrize("how", REFUSED)
    def test_(self, how: str) -> None:
        with (
            pytest.raises(FieldError, match=r"stage\.Person\.\w+ is encrypted: the database can"),
            transaction.atomic(),
        ):
            found = REFUSED[how](Person.objects.all())
            list(found)
        assert set(Person.objects.values_list("town", flat=True)) == {"Ely"}

    @pytest.mark.parametrize(
        "question",
        [
            lambda: Membership.objects.order_by("user__username"),
            lambda: Membership.objects.values("party__legal_name").annotate(Count("pk")),
            lambda: Membership.objects.annotate(last=Max("user__username")),
            lambda: Membership.objects.distinct("party__legal_name"),
            lambda: Membership.objects.filter(role=F("user__username")),
        ],
    )
    def test_either_where_another_table_is_asked(self, question: Callable[[], QuerySet[Any]]) -> None:
        with pytest.raises(FieldError, match="is encrypted"), transaction.atomic():
            list(question())


@pytest.mark.usefixtures("stage")
class TestAnEncryptedColumnIs:
    def test_handed_out_sealed(self) -> None:
        twins = Twin.objects.values_list("name", "pk")
        same = Subquery(Person.objects.filter(pk=OuterRef("pk")).values("name"))
        for found in (
            [row["name"] for row in Person.objects.values("name", "town").order_by("town")],
            list(Person.objects.values_list("name", flat=True)),
            list(Person.objects.values_list("name", flat=True).distinct()),
            [name for name, _ in twins.union(Person.objects.values_list("name", "pk"))],
            list(Person.objects.annotate(same=same).values_list("same", flat=True)),
        ):
            assert len(found) == 3
            assert {type(each) for each in found} == {Sealed}
            assert str(found) == f"[{', '.join([HIDDEN] * 3)}]"

    def test_there_or_not(self) -> None:
        some = Person.objects.filter(name__isnull=False, facts__isnull=True)
        assert (some.count(), some.exists()) == (3, True)
        assert Person.objects.filter(Exists(some.filter(pk=OuterRef("pk")))).count() == 3
        assert not Person.objects.exclude(email__isnull=False).exists()
        assert Person.objects.filter(facts__isnull=True).update(town="Ely") == 3

    def test_with_its_row_where_rows_are_counted_sorted_and_grouped(self) -> None:
        user = make_user()
        (party,) = Party.objects.annotate(members=Count("memberships")).filter(pk=user.memberships.get().party_id)
        assert (party.members, party.legal_name[:13]) == (1, "Example Party")
        (row,) = Party.objects.values("pk", "legal_name").annotate(n=Count("memberships")).filter(pk=party.pk)
        assert (type(row["legal_name"]), row["n"]) == (Sealed, 1)
        (member,) = Membership.objects.select_related("user", "party").annotate(n=Count("pk")).filter(user=user)
        assert (member.user.username, member.party.legal_name) == (user.username, party.legal_name)
        assert Person.objects.distinct().count() == 3
        assert Person.objects.order_by("-pk")[:2].aggregate(Count("pk")) == {"pk__count": 2}
