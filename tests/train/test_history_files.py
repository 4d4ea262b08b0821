"""An exported history holds the lines that training reads, and nothing of who opted out."""

import json
import time

import pytest
from django.core.management import call_command
from pyarrow import parquet

from personalization.models import Visitor
from personalization.models.visitors import Consent
from personalization.train import dataset, run
from personalization.train.engines import history_files
from personalization.train.engines.history_files import UnusableHistory, export_history, read_history_manifest
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def exported_rows(folder):
    table = parquet.read_table(folder / "purchases")
    return sorted(
        zip(*(table.column(name).to_pylist() for name in ("order_key", "product_key", "ordered_at")), strict=True)
    )


def learned_rows(until):
    read = dataset.read_dataset(until, run.no_progress)
    product, moments = read.product_id[read.history.product].tolist(), read.history.ordered_at.tolist()
    return sorted(zip(product, moments, strict=True))


def test_it_holds_the_lines_that_training_reads_in_parts_of_a_bounded_size(tmp_path, monkeypatch):
    shop.even_and_odd()
    monkeypatch.setattr(history_files, "ROWS_PER_BATCH", 30)
    monkeypatch.setattr(history_files, "ROWS_PER_PART", 100)
    until = time.time()
    manifest = export_history(tmp_path, until, run.no_progress)
    sizes = [parquet.read_metadata(tmp_path / "purchases" / part).num_rows for part in manifest.parts]
    assert len(sizes) > 2 and set(sizes[:-1]) == {100} and sum(sizes) == manifest.lines
    assert [row[1:] for row in sorted(exported_rows(tmp_path), key=lambda row: row[1:])] == learned_rows(until)
    assert read_history_manifest(tmp_path) == manifest


def test_what_customers_bought_who_object_is_not_in_it(tmp_path):
    users, _ = shop.even_and_odd()
    until = time.time()
    whole = export_history(tmp_path, until, run.no_progress).lines
    Visitor.objects.filter(user=users[0]).update(consent=Consent.WITHDRAWN)
    without = export_history(tmp_path, until, run.no_progress).lines
    assert 0 < without < whole and without == len(learned_rows(until))
    assert users[0].pk not in parquet.read_table(tmp_path / "purchases").column("customer").to_pylist()


def test_half_an_export_is_none(tmp_path, monkeypatch):
    shop.even_and_odd()
    export_history(tmp_path, time.time(), run.no_progress)

    def fails(*arguments):
        raise OSError("no room")

    monkeypatch.setattr(history_files, "_write_part", fails)
    with pytest.raises(OSError, match="no room"):
        export_history(tmp_path, time.time(), run.no_progress)
    with pytest.raises(UnusableHistory, match="holds no exported history"):
        read_history_manifest(tmp_path)


def test_other_settings_of_orders_and_other_columns_are_another_history(tmp_path, settings):
    shop.even_and_odd()
    first = export_history(tmp_path, time.time(), run.no_progress)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ORDER_SITES": (7,)}
    with pytest.raises(UnusableHistory, match="other settings"):
        read_history_manifest(tmp_path)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ORDER_SITES": ()}
    described = json.loads((tmp_path / "history.json").read_text())
    described["columns"]["purchases"]["customer"] = "string"
    (tmp_path / "history.json").write_text(json.dumps(described))
    with pytest.raises(UnusableHistory, match="another release"):
        read_history_manifest(tmp_path)
    assert read_again(tmp_path).spec() != first.spec()


def read_again(folder):
    return export_history(folder, time.time(), run.no_progress)


def test_keys_of_customers_that_are_no_numbers_become_numbers():
    assert history_files.customer_number(7) == 7
    first, second = (history_files.customer_number(key) for key in ("a-key", "another-key"))
    assert first != second and 0 < first < 2**63 and first == history_files.customer_number("a-key")


def test_the_command_says_what_it_wrote_and_that_it_is_personal(tmp_path, capsys):
    shop.even_and_odd()
    call_command("personalization_export_history", str(tmp_path / "history"))
    lines = read_history_manifest(tmp_path / "history").lines
    said = capsys.readouterr().out
    assert said.startswith(f"{lines:,} lines of {shop.PRODUCTS} products, in 1 files.\n") and "delete them" in said
