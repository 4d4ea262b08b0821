"""Reading and writing tables in files."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from personalization.exchange import tabular

COLUMNS = {"list": int, "score": float, "reason": str}
ROWS = [(7, 0.5, "ja, „schön“"), (8, None, "")]


def read(file, *names):
    with tabular.open_table(file) as table:
        rows = table.rows({name: tabular.Column((name,)) for name in names})
        return [(row.location, row.fault or tuple(row.cells.values())) for row in rows]


def write(file, rows, columns=COLUMNS):
    with tabular.write_table(file, columns) as add:
        add(rows)


def test_what_is_written_as_csv_is_read_back(tmp_path):
    write(tmp_path / "a.csv", ROWS)
    assert read(tmp_path / "a.csv", "reason", "list") == [("line 2", ("ja, „schön“", "7")), ("line 3", ("", "8"))]


def test_what_is_written_as_parquet_is_read_back_and_has_its_types(tmp_path):
    write(tmp_path / "a.parquet", ROWS)
    assert read(tmp_path / "a.parquet", "list", "score") == [("row 1", ("7", "0.5")), ("row 2", ("8", ""))]
    assert [str(field.type) for field in pq.read_schema(tmp_path / "a.parquet")] == ["int64", "double", "string"]


def test_the_row_groups_of_a_parquet_file_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular, "ROWS_PER_GROUP", 4)
    with tabular.write_table(tmp_path / "a.parquet", {"n": int}) as add:
        for start in (0, 3, 6):
            add([(start + n,) for n in range(3)])
    file = pq.ParquetFile(tmp_path / "a.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [4, 4, 1]
    assert file.read()["n"].to_pylist() == list(range(9))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_table_without_rows_has_its_columns(tmp_path, name):
    write(tmp_path / name, [])
    with tabular.open_table(tmp_path / name) as table:
        assert (table.header, list(table.rows({"list": tabular.Column(("list",))}))) == (
            ("list", "score", "reason"),
            [],
        )


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_file_that_was_not_completed_leaves_the_one_that_was_there(tmp_path, name):
    (tmp_path / name).write_text("yesterday's")
    with pytest.raises(ZeroDivisionError), tabular.write_table(tmp_path / name, COLUMNS) as add:
        add(ROWS)
        1 / 0  # noqa: B018
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "yesterday's")]


def test_a_column_is_found_in_capitals_and_behind_a_byte_order_mark(tmp_path):
    (tmp_path / "a.csv").write_text(" Basket_ID ,x\n 5 ,1\n", encoding="utf-8-sig")
    assert read(tmp_path / "a.csv", "basket_id") == [("line 2", ("5",))]


def test_two_columns_that_mean_the_same_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("basket,basket_id\n")
    with (
        pytest.raises(tabular.TableError, match="has the columns basket and basket_id, which mean the same"),
        tabular.open_table(tmp_path / "a.csv") as table,
    ):
        table.find_column(("basket_id", "basket"))


def test_a_row_that_cannot_be_read_is_told_by_its_line_and_the_others_are_read(tmp_path):
    good, broken = b"1,x\n", [b"2\n", b"3,x,y\n", b"4,\xff\n", b"5," + b"x" * 140_000 + b"\n", b"\n", b"6,x,,\n"]
    (tmp_path / "a.csv").write_bytes(b"a,b\n" + good.join(broken) + good)
    rows = dict(read(tmp_path / "a.csv", "a"))
    assert {place: row for place, row in rows.items() if row != ("1",)} == {
        "line 2": "has 1 columns where the header has 2",
        "line 4": "has 3 columns where the header has 2",
        "line 6": "is not UTF-8 text",
        "line 8": "field larger than field limit (131072)",
        "line 12": ("6",),
    }
    assert len(rows) == 5 + 6


def test_whole_numbers_in_a_parquet_column_of_floats_are_whole_numbers(tmp_path):
    columns = {"a": pa.array([1.0, None, float("nan"), 1e17, 2.5]), "b": pa.array(["x"] * 5).dictionary_encode()}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert [cells for _, cells in read(tmp_path / "a.parquet", "a", "b")] == [
        ("1", "x"),
        ("", "x"),
        ("", "x"),
        ("100000000000000000", "x"),
        ("2.5", "x"),
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "folder.csv"])
def test_a_file_that_is_not_there_says_so(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(tabular.TableError, match=rf"{name} could not be read: "), tabular.open_table(tmp_path / name):
        pass


def test_a_file_that_is_no_parquet_file_says_so(tmp_path):
    (tmp_path / "a.parquet").write_text("a,b\n1,2\n" * 10)
    with pytest.raises(tabular.TableError, match=r"a.parquet could not be read as a Parquet file: "):
        read(tmp_path / "a.parquet", "a")


def test_without_pyarrow_a_parquet_file_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(tabular.TableError, match=r"a.parquet needs pyarrow, .*\[parquet\]'.* or use a .csv file"):
        tabular.check_writable(tmp_path / "a.parquet")
    tabular.check_writable(tmp_path / "a.csv")


def test_other_kinds_of_files_are_refused(tmp_path):
    with pytest.raises(tabular.TableError, match=r"a.xlsx does not end in .csv or .parquet"):
        tabular.check_writable(tmp_path / "a.xlsx")
