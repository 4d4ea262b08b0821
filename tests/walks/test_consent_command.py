"""Consent that the shop obtained elsewhere is recorded, so that nobody who answered is asked again."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from personalization.models import Consent, ConsentRecord, Genome, Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def three():
    return [User.objects.create_user(name, f"{name}@example.com", "x") for name in ("anna", "ben", "cora")]


def said(capsys, *arguments: str) -> str:
    call_command("personalization_consent", *arguments)
    return capsys.readouterr().out


def listed(tmp_path, *lines: object) -> str:
    file = tmp_path / "customers.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


def test_all_customers_are_recorded_with_version_and_source(capsys, three):
    assert said(capsys, "grant", "--customers", "all", "--source", "shop, May 2026", "--version", "7") == (
        "3 of 3 customers: granted.\n"
    )
    assert set(Visitor.objects.consented()) == {user.pk for user in three}
    proofs = ConsentRecord.objects.values_list("visitor__user", "state", "version", "source")
    assert sorted(proofs) == [(user.pk, "granted", "7", "shop, May 2026") for user in three]


def test_recording_again_changes_nothing(capsys, three):
    for granted in (3, 0):
        assert said(capsys, "grant", "--customers", "all", "--source", "shop") == (
            f"{granted} of 3 customers: granted.\n"
        )
    assert ConsentRecord.objects.count() == 3


def test_a_withdrawal_is_never_overridden(capsys, three):
    visitor = Visitor.objects.get_or_create_customer(three[0].pk)
    visitor.change_consent(Consent.WITHDRAWN, version="1", source="account", now=now())
    assert said(capsys, "grant", "--customers", "all", "--source", "shop") == "2 of 3 customers: granted.\n"
    assert set(Visitor.objects.consented()) == {three[1].pk, three[2].pk}


def test_accounts_that_are_closed_are_not_among_all(capsys, three):
    User.objects.filter(pk=three[0].pk).update(is_active=False)
    assert said(capsys, "grant", "--customers", "all", "--source", "shop") == "2 of 2 customers: granted.\n"


def test_a_file_names_customers_by_key_address_or_name(capsys, tmp_path, three):
    assert said(capsys, "grant", "--source", "x", "--customers", listed(tmp_path, three[0].pk)).startswith("1 of 1")
    file = listed(tmp_path, "email", '"BEN@example.com"', "", "ben@example.com")
    assert said(capsys, "grant", "--source", "x", "--users", "email", "--customers", file).startswith("1 of 1")
    file = listed(tmp_path, "cora")
    assert said(capsys, "grant", "--source", "x", "--users", "username", "--customers", file).startswith("1 of 1")
    assert len(Visitor.objects.consented()) == 3


def test_a_table_may_name_customers_in_one_of_its_columns(capsys, tmp_path, three):
    file = listed(tmp_path, "since,Customer_ID", f"2020,{three[0].pk}", f"2021,{three[2].pk}")
    assert said(capsys, "grant", "--source", "x", "--customers", file) == "2 of 2 customers: granted.\n"
    assert set(Visitor.objects.consented()) == {three[0].pk, three[2].pk}


def test_a_row_that_cannot_be_read_stops_the_whole_list(tmp_path, three):
    file = listed(tmp_path, "user_id", three[0].pk, f"{three[1].pk},x")
    with pytest.raises(CommandError, match=r"1 rows match no customer or several by their id: line 3\. Nothing was"):
        call_command("personalization_consent", "grant", "--customers", file, "--source", "shop")


def test_a_withdrawal_elsewhere_counts_here_and_the_genome_is_gone(capsys, tmp_path, three):
    said(capsys, "grant", "--customers", "all", "--source", "shop")
    Genome.objects.create(user=three[0], computed_at=now())
    file = listed(tmp_path, three[0].pk)
    assert said(capsys, "withdraw", "--customers", file, "--source", "letter") == "1 of 1 customers: withdrawn.\n"
    assert said(capsys, "withdraw", "--customers", file, "--source", "letter") == "0 of 1 customers: withdrawn.\n"
    assert set(Visitor.objects.consented()) == {three[1].pk, three[2].pk}
    assert not Genome.objects.exists()
    assert ConsentRecord.objects.filter(state="withdrawn").values_list("visitor__user", "source").get() == (
        three[0].pk,
        "letter",
    )


def test_a_withdrawal_of_somebody_unheard_of_is_recorded_too(capsys, tmp_path, three):
    said(capsys, "withdraw", "--customers", listed(tmp_path, three[0].pk), "--source", "letter")
    said(capsys, "grant", "--customers", "all", "--source", "shop")
    assert set(Visitor.objects.consented()) == {three[1].pk, three[2].pk}


def test_status_counts_customers_and_browsers(capsys, tmp_path, three):
    said(capsys, "grant", "--customers", listed(tmp_path, three[0].pk), "--source", "shop")
    Visitor.objects.create().change_consent(Consent.GRANTED, version="1", source="banner", now=now())
    assert said(capsys, "status") == (
        "customers: 2 none, 1 granted, 0 withdrawn\nbrowsers: 0 none, 1 granted, 0 withdrawn\n"
    )


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "{file} names no customer; expected one in each row."),
        (
            ["user", "987654", "x", "1"],
            "{file}: 2 rows match no customer or several by their id: line 2, line 3. Nothing was recorded.",
        ),
    ],
)
def test_a_list_that_is_not_clear_records_nothing(tmp_path, lines, sentence):
    User.objects.create_user("anna", pk=1)
    file = listed(tmp_path, *lines)
    with pytest.raises(CommandError) as error:
        call_command("personalization_consent", "grant", "--customers", file, "--source", "shop")
    assert str(error.value) == sentence.format(file=file)
    assert not Visitor.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["grant", "--customers", "all", "--source", " "], "--source is ''; expected a string of 1 to 64 characters."),
        (
            ["grant", "--customers", "all", "--source", "x", "--version", "v" * 33],
            f"--version is '{'v' * 33}'; expected a string of 1 to 32 characters.",
        ),
        (
            ["withdraw", "--customers", "all", "--source", "x"],
            "--customers is 'all'; expected a file with a customer in each row.",
        ),
        (
            ["grant", "--customers", "/none", "--source", "x"],
            "/none could not be read: [Errno 2] No such file or directory: '/none'",
        ),
    ],
)
def test_options_that_make_no_sense_are_named(arguments, sentence):
    with pytest.raises(CommandError) as error:
        call_command("personalization_consent", *arguments)
    assert str(error.value) == sentence
