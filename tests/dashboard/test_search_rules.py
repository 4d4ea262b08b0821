"""The screens of synonyms and redirects, and of what is searched for, as a merchandiser uses them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.analytics.models import UserSearch
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.offer.models import Range

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import AuditEntry, Definition, RulesState
from personalization.oscar import search_engine
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


@pytest.fixture
def merchandiser(client):
    """Signed in, with the permissions to draft and to publish campaigns."""
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_campaigns", "publish_campaigns"]))
    client.force_login(user)
    return user


@pytest.fixture
def drinks():
    """{title: product} of three products that the engine finds."""
    drinks = create_from_breadcrumbs("Drinks")
    made = {title: shop.create_shop_product(title, drinks) for title in ("Soft drink", "Soda water", "Milk")}
    call_command("rebuild_index", interactive=False, verbosity=0)
    return made


def group(*terms, do="both", finds=(), base=0):
    return {"base": base, "rule-terms": "\n".join(terms), "rule-do": do, "rule-finds": "\n".join(finds)}


def sent(*searches, base=0, match="is", target="path", **fields):
    named = {f"rule-{name}": value for name, value in fields.items()}
    return {"base": base, "rule-searches": "\n".join(searches), "rule-match": match, "rule-target": target, **named}


def test_a_shop_without_any_is_offered_a_beginning(client, merchandiser):
    for kind in ("synonym", "redirect"):
        page = client.get(address(f"{kind}s")).content.decode()
        assert address(f"{kind}-create") in page and address("searches") in page


def test_synonyms_are_drafted_published_with_what_they_change_and_undone(client, merchandiser, drinks):
    response = client.post(address("synonym-create"), group("pop", "Soft  drink ", "", "pop", "soda"), follow=True)
    assert "The draft of “pop, Soft drink, soda” is saved." in response.content.decode()
    made = Definition.objects.get()
    assert made.draft.document == {"terms": ["pop", "Soft drink", "soda"]} and made.live is None
    number = RulesState.objects.number()
    question = client.get(address("synonym-publish", made.pk))
    trials = {trial.query: (trial.without.count, trial.within.count) for trial in question.context["trials"]}
    assert trials == {"pop": (0, 2), "Soft drink": (1, 2), "soda": (1, 2)}
    page = client.post(address("synonym-publish", made.pk), {"number": "1"}, follow=True).content.decode()
    assert "is live in up to 10 seconds." in page and "Undo" in page
    assert RulesState.objects.number() == number + 1
    assert read_rules_now().search.alternatives("pop") == ("Soft drink", "soda")
    client.post(address("synonym-state", made.pk), {"do": "undo"})
    assert read_rules_now().search.alternatives("pop") == ()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", "kind", "by_name"))
    assert actions == [(action, "synonym", "mia") for action in ("create", "publish", "restore")]


def test_one_is_paused_resumed_and_archived(client, merchandiser, drinks):
    made = publishing.publish(publishing.create("synonym", "pop", {"terms": ["pop", "soda"]}, None), None)
    for do, found in (("pause", ()), ("resume", ("soda",)), ("archive", ())):
        client.post(address("synonym-state", made.pk), {"do": do})
        assert read_rules_now().search.alternatives("pop") == found
    page = client.post(address("synonym-state", made.pk), {"do": "pause"}, follow=True).content.decode()
    assert "is not live any more" in page
    assert "No synonyms yet." in page


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (group("pop"), "terms", "at least two"),
        (group("pop", "Pop "), "terms", "there twice"),
        (group("pop", do="one_way"), "finds", "Say which."),
        (group("pop", "soda", finds=["milk"]), "do", "one way"),
        (group('"pop"', "soda"), "terms", "quotation marks"),
        (group("-pop", "soda"), "terms", "minus"),
        (group("!!", "soda"), "terms", "Expected words"),
        (group("a" * 101, "soda"), "terms", "longer than 100"),
        (group(*map(str, range(21))), "terms", "at most 20"),
        (group(*map(str, range(15)), do="one_way", finds=map(chr, range(97, 107))), "terms", "At most 20"),
        (group("pop\x00", "soda"), "terms", "ull characters"),
        (group("po\u200bp", "soda"), "terms", "Expected words"),
        ({"rule-terms": "a\nb" * 100_000}, "terms", "at most 2040"),
        ({}, "terms", "required"),
    ],
)
def test_what_is_wrong_with_synonyms_is_said_at_its_field_and_nothing_is_stored(
    client, merchandiser, data, field, words
):
    response = client.post(address("synonym-create"), data)
    assert words in " ".join(response.context["form"].errors[field])
    assert not Definition.objects.exists()


def test_a_redirect_leads_to_each_kind_of_page(client, merchandiser, drinks):
    category, product = Category.objects.get(), drinks["Milk"]
    chosen = Range.objects.create(name="Chosen", is_public=True)
    for target, value, key in (
        ("category", category.pk, category.pk),
        ("product", f"#{product.pk} · Milk", product.pk),
        ("range", chosen.pk, chosen.pk),
        ("path", "/search/?q=milk", "/search/?q=milk"),
    ):
        data = {**sent(f"to the {target}", "and back", target=target, **{target: value}), "publish": "1"}
        response = client.post(address("redirect-create"), data, follow=True)
        made = Definition.objects.get(name=f"to the {target}, and back")
        assert made.draft.document["to"] == {target: key}
        assert response.context["page_address"]
        form = client.get(address("redirect", made.pk)).context["form"]
        again = {f"rule-{name}": form[name].value() or "" for name in form.fields}
        client.post(address("redirect", made.pk), {"base": "1", **again})
        assert made.versions.count() == 1, "the form shows the document as it was written"
        client.post(address("redirect-publish", made.pk), {"number": "1"})
        assert read_rules_now().search.redirect(f"To the {target}").target == (target, str(key))


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (sent("a", path="https://evil.example/"), "path", "address of this shop"),
        (sent("a", path="//evil.example"), "path", "address of this shop"),
        (sent("a", path="/\\evil.example"), "path", "address of this shop"),
        (sent("a", path="javascript:alert(1)"), "path", "address of this shop"),
        (sent("a", path="/a b"), "path", "address of this shop"),
        (sent("a", path="/\t/evil.example"), "path", "address of this shop"),
        (sent("a", path="/" + "x" * 500), "path", "at most 500"),
        (sent("tea", path="/search/?q=Tea"), "path", "same words"),
        (sent("a", path=""), "path", "Say which."),
        (sent("a", target="category"), "category", "Say which."),
        (sent("a", target="category", category="987654"), "category", "valid choice"),
        (sent("a", target="product", product="#987654"), "product", "No product"),
        (sent("a", target="nowhere"), "target", "valid choice"),
        (sent("", path="/"), "searches", "required"),
        (sent('"a"', path="/"), "searches", "quotation marks"),
        (sent("a", match="x", path="/"), "match", "valid choice"),
    ],
)
def test_what_is_wrong_with_a_redirect_is_said_at_its_field_and_nothing_is_stored(
    client, merchandiser, data, field, words
):
    response = client.post(address("redirect-create"), data)
    assert words in " ".join(response.context["form"].errors[field])
    assert not Definition.objects.exists()


def test_a_name_with_markup_is_shown_as_text(client, merchandiser):
    client.post(address("synonym-create"), group("<script>alert(1)</script>", "b"))
    made = Definition.objects.get()
    for page in (address("synonyms"), address("synonym", made.pk), address("synonym-history", made.pk)):
        assert "<script>alert" not in client.get(page).content.decode()


def test_a_page_that_is_gone_needs_attention_and_cannot_be_published(client, merchandiser, drinks):
    product = drinks["Milk"]
    made = publishing.create(
        "redirect", "milk", {"words": [{"text": "milk", "match": "is"}], "to": {"product": product.pk}}, None
    )
    publishing.publish(made, None)
    Product.objects.filter(pk=product.pk).delete()
    RulesState.objects.count_change(now())
    page = client.get(address("redirects") + "?state=attention").content.decode()
    assert "Needs attention:" in page and "something deleted" in page
    question = client.get(address("redirect-publish", made.pk) + "?number=1").content.decode()
    assert "The page that it names was deleted" in question
    publishing.pause(made, None)
    client.post(address("redirect-publish", made.pk), {"number": "1"})
    made.refresh_from_db()
    assert made.state == "paused"


def test_redirects_that_would_lead_to_one_another_are_refused_in_words(client, merchandiser):
    client.post(address("redirect-create"), sent("a", path="/search/?q=b"))
    client.post(address("redirect-create"), sent("b", path="/search/?q=a"))
    first, second = Definition.objects.order_by("pk")
    client.post(address("redirect-publish", first.pk), {"number": "1"})
    page = client.post(address("redirect-publish", second.pk), {"number": "1"}, follow=True).content.decode()
    assert "leads to a search that" in page
    second.refresh_from_db()
    assert second.live is None


def test_two_people_do_not_write_over_each_other(client, merchandiser):
    client.post(address("synonym-create"), group("pop", "soda"))
    made = Definition.objects.get()
    client.post(address("synonym", made.pk), group("pop", "fizz", base=1))
    response = client.post(address("synonym", made.pk), group("pop", "cola", base=1))
    assert response.status_code == 409 and "saved version 2" in response.content.decode()
    assert made.versions.count() == 2
    client.post(address("synonym", made.pk), group("pop", "cola", base=2))
    made.refresh_from_db()
    assert made.name == "pop, cola" and made.versions.count() == 3


def test_an_older_version_is_published_from_the_history(client, merchandiser):
    client.post(address("synonym-create"), group("pop", "soda"))
    made = Definition.objects.get()
    client.post(address("synonym-publish", made.pk), {"number": "1"})
    client.post(address("synonym", made.pk), group("pop", "fizz", base=1))
    client.post(address("synonym-publish", made.pk), {"number": "2"})
    assert (
        f"{address('synonym-publish', made.pk)}?number=1"
        in client.get(address("synonym-history", made.pk)).content.decode()
    )
    client.post(address("synonym-publish", made.pk), {"number": "1"})
    assert read_rules_now().search.alternatives("pop") == ("soda",)


def test_one_who_drafts_cannot_publish(client, merchandiser):
    merchandiser.user_permissions.set(Permission.objects.filter(codename="change_campaigns"))
    client.post(address("synonym-create"), {**group("pop", "soda"), "publish": "1"})
    made = Definition.objects.get()
    for name, data in (("synonym-publish", {"number": "1"}), ("synonym-state", {"do": "archive"})):
        assert client.post(address(name, made.pk), data).status_code == 403
    merchandiser.user_permissions.clear()
    client.post(address("synonym", made.pk), group("pop", "fizz", base=1))
    assert made.versions.count() == 1
    assert client.get(address("synonym", made.pk)).status_code == 200


def test_a_kind_is_not_edited_under_the_address_of_the_other(client, merchandiser):
    client.post(address("synonym-create"), group("pop", "soda"))
    made = Definition.objects.get()
    for name in ("redirect", "redirect-publish", "redirect-history", "campaign", "segment"):
        assert client.get(address(name, made.pk)).status_code == 404
    assert client.post(address("redirect-state", made.pk), {"do": "archive"}).status_code == 404


def searched(query, people, days_ago=0):
    for number in range(people):
        user = User.objects.get_or_create(username=f"searcher{number}")[0]
        UserSearch.objects.create(user=user, query=query)
    UserSearch.objects.filter(query=query).update(date_created=now() - timedelta(days=days_ago))


def test_the_overview_names_no_search_in_vain_of_fewer_than_five_people(client, merchandiser, drinks):
    searched("pop & co", 5)
    searched("my own name", 4)
    page = client.get(address("overview"))
    assert [one.query for one in page.context["searches"]] == ["pop & co"]
    assert "fewer than 5 people" in page.content.decode() and "my own name" not in page.content.decode()


def test_what_five_people_searched_for_is_listed_with_what_can_be_done(client, merchandiser, drinks):
    searched("milk", 6)
    searched("pop & co", 5)
    searched("my own name", 4)
    searched("soda", 5, days_ago=40)
    page = client.get(address("searches"))
    assert [line.count.query for line in page.context["lines"]] == ["milk", "pop & co"]
    assert [line.count.query for line in page.context["vain"]] == ["pop & co"] and page.context["all_asked"]
    for name in ("synonym", "redirect", "campaign"):
        link = f"{address(f'{name}-create')}?word=pop%20%26%20co"
        assert link in page.content.decode()
        assert "pop &amp; co" in client.get(link).content.decode()
    assert [line.count.query for line in client.get(address("searches") + "?days=90").context["lines"]][-1] == "soda"
    assert client.get(address("searches") + "?days=7000").context["days"] == 28
    publishing.publish(publishing.create("synonym", "pop", {"terms": ["pop & co", "soda"]}, None), None)
    read_rules_now()
    page = client.get(address("searches"))
    assert page.context["vain"] == [] and "has synonyms" in page.content.decode()


def test_a_slow_engine_is_not_said_to_find_all(client, merchandiser, drinks, monkeypatch):
    searched("milk", 5)
    searched("soda", 5)
    monkeypatch.setattr(search_engine, "SLOW_SEARCH_SECONDS", -1)
    page = client.get(address("searches"))
    assert page.context["vain"] == [] and "too slow to be asked" in page.content.decode()
    assert "finds something for each" not in page.content.decode()


def test_a_search_is_tried_before_and_after(client, merchandiser, drinks):
    publishing.publish(publishing.create("synonym", "pop", {"terms": ["pop", "soda", "soft drink"]}, None), None)
    trial = client.get(address("search-trial"), {"q": "Pop"}).context["trial"]
    assert trial.without.titles == () and sorted(trial.within.titles) == ["Soda water", "Soft drink"]
    assert trial.alternatives == ("soda", "soft drink") and trial.address == ""
    document = {"words": [{"text": "dairy", "match": "is"}], "to": {"category": Category.objects.get().pk}}
    publishing.publish(publishing.create("redirect", "dairy", document, None), None)
    trial = client.get(address("search-trial"), {"q": "dairy"}).context["trial"]
    assert (trial.page, trial.address) == ("“Drinks”", Category.objects.get().get_absolute_url())
    for query in ("\x00", "a" * 5000, '"', "<b>", ""):
        page = client.get(address("search-trial"), {"q": query})
        assert page.status_code == 200 and "<b>" not in page.content.decode()


@pytest.mark.parametrize("name", ["searches", "synonyms", "redirects", "search-trial"])
def test_a_screen_takes_twelve_queries_and_is_in_german(admin_client, drinks, name, django_assert_max_num_queries):
    searched("milk", 6)
    for number in range(60):
        document = {"terms": [f"a{number}", f"b{number}"]}
        publishing.publish(publishing.create("synonym", str(number), document, None), None)
        document = {"words": [{"text": f"c{number}", "match": "is"}], "to": {"category": Category.objects.get().pk}}
        publishing.publish(publishing.create("redirect", str(number), document, None), None)
    data = {"q": "a1"} if name == "search-trial" else {}
    admin_client.get(address(name), data)
    with django_assert_max_num_queries(12 + 12):  # savepoints are two statements each, in a test
        page = admin_client.get(address(name), data, headers={"Accept-Language": "de"})
    assert page.status_code == 200 and 'lang="de"' in page.content.decode()
    if name in ("synonyms", "redirects"):
        assert len(page.context["page"]) == 50 and admin_client.get(address(name) + "?page=2").status_code == 200
