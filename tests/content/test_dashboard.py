"""A merchandiser makes a content block, and a shopper sees it."""

import re

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.urls import reverse
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from PIL import Image

from personalization.decide import active_rules
from personalization.models import BlockImage, Definition
from tests.content.block_documents import publish, upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
LIST = "personalization:personalization-blocks"


def address(name, *args):
    return reverse(f"personalization:personalization-block{name}", args=args)


@pytest.fixture
def owner(client):
    user = User.objects.create_superuser("owner", "owner@example.com", "x")
    client.force_login(user)
    return user


def form(**fields):
    return {
        "base": 0,
        "name": "Spring",
        "slot": "home-hero",
        "kind": "hero",
        "people": "all",
        "zone": "UTC",
        "title_en-gb": "Spring is here",
        "alt_en-gb": "A green field",
        "link_en-gb": "/catalogue/",
        "call_en-gb": "Look around",
        **fields,
    }


def test_from_the_form_to_the_page(client, owner):
    answer = client.post(address("-create"), form(upload=upload(), focus_x=22, focus_y=80), follow=True)
    assert "The draft of “Spring” is saved." in answer.content.decode()
    spring, image = Definition.objects.get(kind="block"), BlockImage.objects.get()
    assert (image.width, image.height, image.widths) == (1920, 960, [480, 960, 1920])
    with default_storage.open(image.file_name(480)) as file:
        kept = Image.open(file)
        assert (kept.format, kept.size) == ("WEBP", (480, 240))
    assert "personalization-block" not in client.get("/").content.decode()
    asked = client.get(address("-publish", spring.pk)).content.decode()
    assert "Spring is here" in asked and "hero in “home-hero”" in asked
    client.post(address("-publish", spring.pk), {"number": 1})
    active_rules.read_rules_now()
    page = client.get("/").content.decode()
    picture = re.search(r"<img class=\"personalization-block__image[^>]*>", page)[0]
    assert 'width="1920" height="960" alt="A green field"' in picture
    assert "personalization-focus-x-20 personalization-focus-y-80" in picture
    files = re.findall(r"(/media/\S+) (\d+)w", picture)
    assert [width for _name, width in files] == ["480", "960", "1920"]
    assert all(default_storage.exists(name.removeprefix("/media/")) for name, _width in files)
    listed = client.get(reverse(LIST)).content.decode()
    assert "Spring" in listed and "You published “Spring” a moment ago." in listed
    client.post(address("-state", spring.pk), {"do": "pause"})
    active_rules.read_rules_now()
    assert "personalization-block" not in client.get("/").content.decode()
    client.post(address("-state", spring.pk), {"do": "resume"})
    client.post(address("-state", spring.pk), {"do": "undo"})
    spring.refresh_from_db()
    assert spring.state == "draft"
    assert "Version 1" in client.get(address("-history", spring.pk)).content.decode()


def test_the_preview_is_the_block_of_the_form(client, owner):
    seen = client.post(address("-preview"), form(**{"title_de": "Frühling <i>", "alt_de": "Feld"})).content.decode()
    assert "Spring is here" in seen and "Frühling &lt;i&gt;" in seen
    assert "As soon as the form is complete" in client.post(address("-preview"), {}).content.decode()
    assert not Definition.objects.filter(kind="block").exists()


def bomb():
    return upload(9_000, 9_000, "PNG", "bomb.png", compress_level=9)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"title_en-gb": ""}, "A title is needed in each language."),
        ({"alt_en-gb": "", "upload": upload}, "Say what the picture shows"),
        ({"upload": bomb}, "9000 by 9000 pixels"),
        ({"upload": lambda: upload(100, 100)}, "100 pixels wide; at least 320"),
        ({"upload": lambda: upload(kind="TIFF", name="a.jpg")}, "expected JPEG, PNG, WebP or GIF"),
        ({"link_en-gb": "javascript:alert(1)"}, "begins with one slash"),
        ({"slot": "Home hero"}, "Expected small letters"),
        ({"by_taste": "on"}, "Name the categories or products"),
        ({"products": "nothing-like-it"}, "No product has this UPC or SKU"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(client, owner, fields, words):
    given = {name: value() if callable(value) else value for name, value in fields.items()}
    answer = client.post(address("-create"), form(**given))
    assert words in answer.content.decode()
    assert not Definition.objects.filter(kind="block").exists()
    assert not BlockImage.objects.exists()


def test_a_special_one_cannot_go_live_without_one_for_everybody(client, owner):
    client.post(address("-create"), form(people="customers"))
    special = Definition.objects.get(kind="block")
    answer = client.post(address("-publish", special.pk), {"number": 1}, follow=True).content.decode()
    assert "In the slot “home-hero” some would see nothing" in answer
    publish("Everybody")
    client.post(address("-publish", special.pk), {"number": 1})
    listed = client.get(reverse(LIST)).content.decode()
    assert listed.index(">Spring<") < listed.index(">Everybody<")
    everybody = Definition.objects.get(name="Everybody")
    client.post(address("-move", everybody.pk))
    assert "Nobody sees it: “Everybody” stands above it" in client.get(reverse(LIST)).content.decode()
    answer = client.post(address("-state", everybody.pk), {"do": "pause"}, follow=True).content.decode()
    assert "some would see nothing" in answer


def test_two_who_write_at_once(client, owner):
    spring = publish("Everybody")
    form_of_it = form(name="Everybody", base=0)
    answer = client.post(address("", spring.pk), form_of_it)
    assert answer.status_code == 409
    assert "Save mine on top" in answer.content.decode()
    assert client.post(address("", spring.pk), {**form_of_it, "base": 1}).status_code == 302


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "hero in “home-hero” · English · only for those who buy “Coffee”"),
        ("de", "Aufmacher an „home-hero“ · English · nur für die, die „Coffee“ kaufen"),
    ],
)
def test_one_for_some_buyers_is_not_said_to_be_for_everybody(client, owner, language, words):
    coffee = create_from_breadcrumbs("Coffee").pk
    publish("Welcome")
    publish("Fresh beans", categories=[coffee], by_taste=True, who={"people": "all"})
    page = client.get(reverse(LIST), headers={"accept-language": language}).content.decode()
    assert " ".join(words.split()) in " ".join(page.split())
