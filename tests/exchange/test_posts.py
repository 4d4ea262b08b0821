"""Posts that a file of the shop's social tool brings."""

import csv
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import BlockImage, Definition, Run
from tests.content.block_documents import upload
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
COLUMNS = ["id", "title", "products", "owner", "permission", "picture", "alt", "until", "origin"]


@pytest.fixture
def products():
    found = [shop.create_shop_product("Tea"), shop.create_shop_product("Jam")]
    for number, product in enumerate(found):
        product.upc = f"50{number}"
        product.save()
    return found


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "table.jpg").write_bytes(upload(800, 600).read())
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "secret.jpg").write_bytes(upload(800, 600).read())
    return tmp_path


def line(post_id="a1", **cells):
    usual = {
        "title": "Breakfast",
        "products": "500; 20; 30 | 501; 70; 40",
        "owner": "Anna",
        "permission": "Her mail",
        "picture": "table.jpg",
        "alt": "A laid table",
    }
    return {"id": post_id, **usual, **cells}


def import_lines(folder, *lines, **options):
    file = folder / "posts.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    output = StringIO()
    call_command("personalization_import_posts", str(file), pictures=folder / "pictures", stdout=output, **options)
    return output.getvalue()


def test_a_post_is_stored_once_however_often_it_is_sent(folder, products, client):
    said = import_lines(folder, line(), dry_run=True)
    assert said.startswith("1 posts: 1 would be created, 0 would be changed, 0 unchanged, 0 would be published")
    assert not Definition.objects.filter(kind="block").exists() and not BlockImage.objects.exists()
    assert "1 created" in import_lines(folder, line())
    assert "0 created, 0 changed, 1 unchanged" in import_lines(folder, line())
    definition = Definition.objects.get(kind="block")
    assert (definition.key, definition.name, definition.state) == ("import:a1", "Breakfast", "draft")
    document = definition.versions.get().document
    assert document["slot"] == "posts" and document["post"]["spots"] == [
        {"product": products[0].pk, "x": 20, "y": 30},
        {"product": products[1].pk, "x": 70, "y": 40},
    ]
    assert BlockImage.objects.count() == 1
    said = import_lines(folder, line(products="500; 20; 30", picture=""), line("a2"), publish=True)
    assert "1 created, 1 changed, 0 unchanged, 2 published, 0 rejected" in said
    read_rules_now()
    page = client.get("/personalization/posts/").content.decode()
    assert page.count("personalization-block--post") == 2
    assert Definition.objects.get(key="import:a2").name == "Breakfast (a2)"
    assert [run.kind for run in Run.objects.all()] == ["import"] * 4


def test_what_merchants_made_of_a_post_stays(folder, products):
    import_lines(folder, line())
    definition = Definition.objects.get(kind="block")
    document = {**definition.versions.get().document, "who": {"people": "customers"}}
    document["variants"] = {**document["variants"], "de": {"title": "Frühstück", "alt": "Ein Tisch"}}
    publishing.save_draft(definition, document, None, base=1)
    assert "1 changed" in import_lines(folder, line(title="Brunch"))
    newest = definition.versions.get(number=3).document
    assert newest["who"] == {"people": "customers"}
    assert {code: one["title"] for code, one in newest["variants"].items()} == {"de": "Frühstück", "en-gb": "Brunch"}


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"post_id": "a b"}, "bad_id"),
        ({"title": ""}, "no_title"),
        ({"title": "x" * 81}, "invalid"),
        ({"products": "500; 20"}, "bad_products"),
        ({"products": "500; 20; 200"}, "bad_products"),
        ({"owner": ""}, "invalid"),
        ({"permission": ""}, "invalid"),
        ({"alt": ""}, "invalid"),
        ({"picture": "other.jpg"}, "no_picture"),
        ({"picture": "../secret.jpg"}, "no_picture"),
        ({"picture": "broken.jpg"}, "bad_picture"),
        ({"until": "31.12.2026"}, "invalid"),
        ({"origin": "javascript:alert(1)"}, "invalid"),
    ],
)
def test_one_that_cannot_be_used_is_rejected_alone(folder, products, cells, code):
    said = import_lines(folder, line(**cells), line("good"))
    assert f"1 rejected, in {folder / 'posts.csv.rejects'}" in said and f"  1 {code}\n" in said
    assert [one.key for one in Definition.objects.filter(kind="block")] == ["import:good"]


def test_unknown_products_and_archived_posts_are_said(folder, products):
    said = import_lines(folder, line(products="500; 20; 30 | 999; 1; 1"))
    assert "1 products are not in the shop, and their spots are left out: 999." in said
    publishing.archive(Definition.objects.get(kind="block"), None)
    assert "  1 archived\n" in import_lines(folder, line(title="Again"))
    with pytest.raises(CommandError, match="no folder"):
        call_command("personalization_import_posts", str(folder / "posts.csv"), pictures=folder / "nowhere")
