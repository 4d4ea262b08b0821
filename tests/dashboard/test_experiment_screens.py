"""The screens of experiments, as those use them who want to know what something is worth."""

import html
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.timezone import localdate, now
from django.utils.translation import override

from personalization.measure.experiment_readings import day_start
from personalization.measure.experiments import measure_experiments
from personalization.merchandising import publishing
from personalization.merchandising.arm_words import arm_labels
from personalization.merchandising.assignment import HELD_OUT, HOLDOUT, PERSONALIZED
from personalization.merchandising.experiments import arm_ranges, holdout_document
from personalization.models import (
    AuditEntry,
    Consent,
    Definition,
    DefinitionKind,
    DefinitionState,
    Event,
    Exposure,
    Season,
    SeasonEnd,
    Visitor,
)
from personalization.oscar.dashboard.experiment_groups import TOO_FEW
from tests.dashboard.campaign_posts import pin
from tests.measure.orders import DAY, place_order
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
WEEK = 7 * DAY
NUL = "\0"


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


def words_of(response):
    """The text of a page, without its markup."""
    assert response.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def sign_in(client, *codenames):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def analyst(client):
    """Signed in, with the permissions to run experiments and to publish campaigns."""
    return sign_in(client, "run_experiments", "publish_campaigns")


@pytest.fixture
def tea(db):
    return shop.create_shop_product("Tea", stock=100_000)


@pytest.fixture
def campaign(tea):
    """A live campaign that pins tea."""
    return publishing.publish(publishing.create("campaign", "Tea week", pin(tea), None), None)


def posted(do="without", base=0, **fields):
    """What the form posts."""
    data = {
        "name": "Tea test",
        "question": "Does it help?",
        "do": do,
        "shares": "",
        "primary": "conversion",
        "smallest_lift": "5",
        "weeks": "4",
        "window_days": "28",
        **fields,
    }
    return {"base": base, **{f"experiment-{name}": value for name, value in data.items()}}


def experiment(document, *, name="Tea test", key=""):
    return publishing.create(DefinitionKind.EXPERIMENT, name, document, None, key=key)


def compared(*does, shares=None, **document):
    """A document whose groups do these things."""
    shares = shares or [round(1 / len(does), 2)] * len(does)
    arms = [
        {"key": f"arm_{place}", "label": f"Group {place}", "share": share, "does": effect}
        for place, (effect, share) in enumerate(zip(does, shares, strict=True))
    ]
    return {"question": "Does it help?", "arms": arms, "primary": "conversion", "weeks": 4, **document}


def running_since(days, document, *, name="Tea test", key="", planned=10**6, surfaces=("home",)):
    """A season that began at the midnight so many days ago."""
    definition = publishing.publish(experiment(document, name=name, key=key), None)
    return Season.objects.create(
        definition=definition,
        number=1,
        document={**document, "surfaces": list(surfaces)},
        arms=arm_ranges(document),
        started_at=day_start(localdate()) - days * DAY,
        planned_units=planned,
    )


def fill(season, tea, arms, price="10.00"):
    """{arm: (visitors, how many of them buy)}, all on the first day."""
    first = season.started_at + timedelta(hours=1)
    for arm, (count, buyers) in arms.items():
        visitors = Visitor.objects.bulk_create(
            Visitor(consent=Consent.GRANTED, consented_at=first) for _ in range(count)
        )
        Exposure.objects.bulk_create(Exposure(season=season, visitor=one, arm=arm, first_at=first) for one in visitors)
        for one in visitors[:buyers]:
            place_order(one, [(tea, 1, price)], first + timedelta(hours=1))


def visitors_of_four_weeks(count):
    """So many visitors of whom something was seen last week."""
    visitors = Visitor.objects.bulk_create(Visitor(consent=Consent.GRANTED, consented_at=now()) for _ in range(count))
    at = now() - WEEK
    Event.objects.bulk_create(
        Event(event_id=uuid4(), visitor=one, type="view_item", occurred_at=at, received_at=at) for one in visitors
    )


def plain_test(**document):
    return compared({"plain": True}, {}, surfaces=["home"], **document)


def test_a_shop_without_a_holdout_is_offered_both_sizes_and_told_what_they_can_show(client, analyst):
    page = client.get(address("experiments"))
    assert "Without a holdout nobody knows what it is worth." in words_of(page)
    assert "Nobody who allows measuring came in the last four weeks: what it can show is unknown." in words_of(page)
    assert f"{address('holdout')}?share=10" in page.content.decode()
    visitors_of_four_weeks(4_000)
    assert (
        "You have about 1,000 visitors a week. 10 % held back: a season of 13 weeks shows a difference of 49 % or "
        "more. 50 % held back: a season of 13 weeks shows a difference of 29 % or more."
    ) in words_of(client.get(address("experiments")))
    visitors_of_four_weeks(8_000)
    page = words_of(client.get(address("holdout")))
    assert "50 % held back: 20 % more buyers would show after about 10 weeks." in page


def test_a_holdout_is_asked_for_in_words_begun_stopped_and_begun_with_another_size(client, analyst):
    question = words_of(client.get(address("holdout"), {"share": "50"}))
    assert "Hold back 50 % of the visitors?" in question and "the pages that a stranger sees" in question
    assert "Campaigns for everybody stay for them, too; those for segments are off." in question
    assert not Season.objects.exists()
    page = words_of(client.post(address("holdout"), {"share": "10"}, follow=True))
    assert "The holdout begins in up to 10 seconds." in page and "Too early." in page
    first = Season.objects.get()
    assert first.definition.key == HOLDOUT and first.document["arms"][0]["share"] == 0.1
    assert "It runs already." in words_of(client.post(address("holdout"), {"share": "50"}, follow=True))
    stop = address("experiment-stop", first.definition_id)
    assert "Everybody sees personal pages again." in words_of(client.get(stop))
    assert "“Holdout” is stopped." in words_of(client.post(stop, follow=True))
    page = words_of(client.get(address("experiments")))
    assert "Without a holdout nobody knows" in page and "The last one: stopped by mia" in page
    client.post(address("holdout"), {"share": "50"})
    second = Season.objects.running().get()
    assert (second.definition_id, second.number) == (first.definition_id, 2)
    assert [arm["share"] for arm in second.document["arms"]] == [0.5, 0.5]
    assert "Season 1:" in words_of(client.get(address("experiment", first.definition_id)))


def test_an_archived_holdout_is_taken_up_again(client, analyst):
    holdout = publishing.create(DefinitionKind.EXPERIMENT, "Holdout", holdout_document(0.1), None, key=HOLDOUT)
    publishing.archive(holdout, None)
    namesake = experiment(plain_test(), name="holdout")
    page = words_of(client.post(address("holdout"), {"share": "10"}, follow=True))
    assert "There is another one of this name already." in page and not Season.objects.exists()
    publishing.archive(namesake, None)
    client.post(address("holdout"), {"share": "10"})
    holdout.refresh_from_db()
    assert holdout.state == DefinitionState.LIVE and Season.objects.running().get().definition == holdout


def test_the_overview_tells_the_verdict_of_the_holdout_beside_what_was_earned(client, analyst, tea):
    assert "Without a holdout nobody knows what it is worth." in words_of(client.get(address("overview")))
    season = running_since(8, holdout_document(0.5), name="Holdout", key=HOLDOUT, planned=4_000)
    fill(season, tea, {HELD_OUT: (2_000, 100), PERSONALIZED: (2_000, 200)})
    measure_experiments(now())
    page = words_of(client.get(address("overview")))
    assert "What the holdout says: Better. Between" in page and "(best guess 100 %)" in page
    assert "Without a holdout" not in page
    assert "Better. Between" in words_of(client.get(address("experiments")))


def test_before_the_first_look_the_verdict_of_the_season_before_stands(client, analyst, tea):
    season = running_since(40, holdout_document(0.5) | {"weeks": 2}, name="Holdout", key=HOLDOUT)
    fill(season, tea, {HELD_OUT: (1_000, 50), PERSONALIZED: (1_000, 100)})
    measure_experiments(now())
    assert Season.objects.running().get().number == 2
    assert "What the holdout says: The season before: Better. Between" in words_of(client.get(address("overview")))
    page = words_of(client.get(address("experiments")))
    assert "Too early." in page and "The season before: Better. Between" in page


def test_a_holdout_runs_to_its_last_week_however_many_visitors_came(client, analyst, tea):
    season = running_since(8, holdout_document(0.5), name="Holdout", key=HOLDOUT, planned=1_500)
    fill(season, tea, {HELD_OUT: (1_000, 100), PERSONALIZED: (1_000, 105)})
    assert measure_experiments(now()).ended == 0
    page = words_of(client.get(address("experiment", season.definition_id)))
    assert re.search(r"Not decided. Between \d+ % fewer and \d+ % more visitors buy. Next look", page)
    assert "13 weeks Each visitor" in page and "or 1,500 visitors" not in page


def test_the_holdout_is_called_in_the_language_of_the_reader(client, analyst):
    season = running_since(1, holdout_document(0.5), name="Kontrollgruppe", key=HOLDOUT)
    assert "Stop “Holdout”?" in words_of(client.get(address("experiment-stop", season.definition_id)))


def test_a_campaign_is_compared_from_its_own_page_to_a_running_experiment(client, analyst, campaign):
    link = f"{address('experiment-create')}?campaign={campaign.pk}"
    assert link in client.get(address("campaign", campaign.pk)).content.decode()
    form = client.get(link).context["form"]
    assert (form["do"].value(), form["subject"].value()) == ("without", campaign.pk)
    assert form["name"].value() == "With and without Tea week"
    page = words_of(client.post(address("experiment-create"), posted(subject=campaign.pk), follow=True))
    assert "The draft of “Tea test” is saved." in page and "Home page" in page
    assert "without it, 50 %: sees the shop without “Tea week”" in page
    assert "with it, 50 %: sees version 1 of “Tea week”" in page
    made = Definition.objects.get(kind=DefinitionKind.EXPERIMENT)
    assert "Home page · without it 50 % · with it 50 %" in words_of(client.get(address("experiments")))
    page = words_of(client.post(address("experiment-start", made.pk), follow=True))
    assert "“Tea test” begins in up to 10 seconds." in page and "running" in page
    assert "It runs already." in words_of(client.post(address("experiment-start", made.pk), follow=True))
    actions = AuditEntry.objects.filter(kind="experiment").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["create", "publish"]
    assert "day 1 of 28" in page or "Its weeks count from tomorrow on." in page


@pytest.mark.parametrize(
    ("fields", "does"),
    [
        ({"do": "policy", "policy": "row_size", "values": "4, 8"}, [{}, {"row_size": 4}, {"row_size": 8}]),
        ({"do": "policy", "policy": "rerank_strength", "values": "0", "shares": "20/80"}, [{}, {"rerank_strength": 0}]),
    ],
)
def test_numbers_of_the_shop_are_compared(client, analyst, fields, does):
    client.post(address("experiment-create"), posted(**fields))
    arms = Definition.objects.get().draft.document["arms"]
    assert [arm["does"].get("policy", {}) for arm in arms] == does
    assert [arm["key"] for arm in arms] == ["control", "variant", "variant_2"][: len(arms)]
    assert [arm["share"] for arm in arms] == ([0.2, 0.8] if "shares" in fields else [0.3333] * 3)


def test_what_is_live_is_compared_with_its_draft_or_an_earlier_version(client, analyst, campaign, tea):
    data = posted("version", subject=campaign.pk)
    assert "It has no draft" in words_of(client.post(address("experiment-create"), data))
    publishing.save_draft(campaign, pin(tea, 3), None, base=1)
    client.post(address("experiment-create"), data)
    made = Definition.objects.get(kind=DefinitionKind.EXPERIMENT)
    numbers = [arm["does"]["version"]["number"] for arm in made.draft.document["arms"]]
    assert numbers == [1, 2]
    publishing.publish(campaign, None)
    client.post(address("experiment-create"), posted("version", name="Older", subject=campaign.pk, number="1"))
    older = Definition.objects.get(name="Older").draft.document["arms"]
    assert [arm["does"]["version"]["number"] for arm in older] == [2, 1]


def test_the_groups_are_called_by_what_they_see(client, analyst):
    client.post(address("experiment-create"), posted("policy", policy="row_size", values="4, 8"))
    page = words_of(client.get(address("experiments")))
    assert "as it is 33 % · 4 products 33 % · 8 products 33 %" in page


def test_the_groups_are_called_in_the_language_of_the_reader(client, analyst, campaign):
    client.post(address("experiment-create"), posted(subject=campaign.pk))
    made = Definition.objects.get(kind=DefinitionKind.EXPERIMENT)
    assert [arm.get("label") for arm in made.draft.document["arms"]] == [None, None]
    assert "without it 50 % · with it 50 %" in words_of(client.get(address("experiments")))
    with override("de"):
        labels = arm_labels(made.draft.document).values()
    german = words_of(client.get(address("experiments"), headers={"accept-language": "de"}))
    assert "without it" not in german and " 50 % · ".join(labels) in german


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "policy", "policy": "row_size", "values": "4, 8", "shares": "30, 30, 40"},
        {"do": "plain", "surfaces": ["home", "basket"], "primary": "revenue", "weeks": "12", "window_days": "7"},
        {"do": "plain", "surfaces": ["search"], "shares": "10 20", "smallest_lift": "50"},
    ],
)
def test_what_the_form_shows_of_a_document_makes_this_document_again(client, analyst, fields):
    client.post(address("experiment-create"), posted(**fields))
    made = Definition.objects.get()
    form = client.get(address("experiment-edit", made.pk)).context["form"]
    shown = {form.add_prefix(name): form[name].value() for name in form.fields}
    data = {name: value for name, value in shown.items() if value is not None}
    assert client.post(address("experiment-edit", made.pk), {"base": "1", **data}).status_code == 302
    assert made.versions.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "x" * 61}, "name", "at most 60"),
        ({"name": f"a{NUL}b"}, "name", "ull characters"),
        ({"question": "x" * 201}, "question", "at most 200"),
        ({"do": "everything"}, "do", "not one of the available choices"),
        ({"do": ""}, "do", "required"),
        ({"subject": ""}, "subject", "Say which."),
        ({"subject": "987654"}, "subject", "not one of the available choices"),
        ({"subject": f"1{NUL}"}, "subject", "not one of the available choices"),
        ({"do": "policy"}, "policy", "Say which."),
        ({"do": "policy", "policy": "row_size"}, "values", "Say which."),
        ({"do": "policy", "policy": "row_size", "values": "1"}, "values", "from 2 to 20"),
        ({"do": "policy", "policy": "row_size", "values": "6"}, "values", "6 is what the shop has already."),
        ({"do": "policy", "policy": "row_size", "values": "4 4"}, "values", "there twice"),
        ({"do": "policy", "policy": "row_size", "values": "4 5 7 8"}, "values", "At most 3"),
        ({"do": "policy", "policy": "row_size", "values": "-4"}, "values", "whole numbers"),
        ({"do": "policy", "policy": "row_size", "values": "٤"}, "values", "whole numbers"),
        ({"do": "policy", "policy": "row_size", "values": "9" * 40}, "values", "whole numbers"),
        ({"do": "policy", "policy": "secret", "values": "4"}, "policy", "not one of the available choices"),
        ({"do": "plain"}, "surfaces", "Choose at least one."),
        ({"do": "plain", "surfaces": ["admin"]}, "surfaces", "not one of the available choices"),
        ({"do": "plain", "surfaces": ["home"], "shares": "50"}, "shares", "Expected 2 numbers"),
        ({"do": "plain", "surfaces": ["home"], "shares": "60 60"}, "shares", "more than 100"),
        ({"do": "plain", "surfaces": ["home"], "shares": "0 100"}, "shares", "1 to 99"),
        ({"do": "plain", "surfaces": ["home"], "weeks": "13"}, "weeks", "less than or equal to 12"),
        ({"do": "plain", "surfaces": ["home"], "weeks": "1"}, "weeks", "greater than or equal to 2"),
        ({"do": "plain", "surfaces": ["home"], "smallest_lift": "0"}, "smallest_lift", "greater than or equal to 1"),
        ({"do": "plain", "surfaces": ["home"], "window_days": "57"}, "window_days", "less than or equal to 56"),
        ({"do": "plain", "surfaces": ["home"], "primary": "luck"}, "primary", "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_stored(client, analyst, fields, field, words):
    response = client.post(address("experiment-create"), posted(**fields))
    errors = response.context["form"].errors
    assert list(errors) == [field] and words in str(errors[field])
    assert f'id="id_experiment-{field}_error"' in response.content.decode()
    assert not Definition.objects.exists()


def test_an_empty_post_and_one_with_markup_are_answered_in_words(client, analyst, campaign):
    assert "This field is required." in words_of(client.post(address("experiment-create"), {}))
    script = "<script>alert(1)</script>"
    client.post(address("experiment-create"), posted(subject=campaign.pk, name=script, question=script))
    made = Definition.objects.get(kind=DefinitionKind.EXPERIMENT)
    for page in (address("experiments"), address("experiment", made.pk), address("experiment-edit", made.pk)):
        body = client.get(page).content.decode()
        assert script not in body and "&lt;script&gt;" in body
    assert client.get(address("experiment-create"), {"campaign": "1\0"}).status_code == 200
    assert client.get(address("experiment", made.pk), {"season": "x" * 5_000}).status_code == 200


def test_of_two_who_edit_nobody_loses_what_they_wrote(client, analyst, campaign):
    client.post(address("experiment-create"), posted(subject=campaign.pk))
    made = Definition.objects.get(kind=DefinitionKind.EXPERIMENT)
    edit = address("experiment-edit", made.pk)
    client.post(edit, posted(subject=campaign.pk, base=1, weeks="6"))
    response = client.post(edit, posted(subject=campaign.pk, base=1, weeks="8"))
    page = response.content.decode()
    assert response.status_code == 409 and "6 weeks" in page and "8 weeks" in page and "mia saved version 2" in page
    assert made.versions.count() == 2
    client.post(edit, posted(subject=campaign.pk, base=2, weeks="8"))
    assert made.versions.get(number=3).document["weeks"] == 8


def test_the_form_says_what_its_plan_takes_before_it_is_stored(client, analyst):
    data = posted("plain", surfaces=["home"], smallest_lift="20", weeks="2")
    visitors_of_four_weeks(4_000)
    page = words_of(client.post(address("experiment-create"), {**data, "look": "1"}))
    assert not Definition.objects.exists()
    expected = (
        "A difference of 20 % takes 27,917 visitors in all groups together. You have about 1,000 a week: more than the "
        "12 weeks that are possible. In 2 weeks a difference of 75 % would show. Reckoned with 3.0 % of visitors who "
        "buy, and as if all of them came to these pages."
    )
    assert expected in page
    assert expected in words_of(client.post(address("experiment-plan"), data, headers={"HX-Request": "true"}))
    data["experiment-smallest_lift"] = "50"
    assert "about 1,000 a week: about 5 weeks. In 2 weeks a difference of 75 % would show." in words_of(
        client.post(address("experiment-plan"), data)
    )
    assert "As soon as the form is complete" in words_of(client.post(address("experiment-plan"), {}))


def test_there_is_no_verdict_before_the_first_look_and_no_rate_of_a_few(client, analyst, tea):
    season = running_since(3, plain_test())
    fill(season, tea, {"arm_0": (90, 2), "arm_1": (110, 10)})
    measure_experiments(now())
    response = client.get(address("experiment", season.definition_id))
    page = words_of(response)
    assert "Too early. 2 of 30 orders in the smaller group" in page and "day 4 of 28" in page
    assert "Counted so far; there is no verdict before the first look." in page
    small, large = response.context["groups"]
    assert (small.reached, small.orders, small.conversion, small.revenue, small.opt_outs) == ("90", "2", *[TOO_FEW] * 3)
    assert (large.conversion, large.revenue, large.average_order) == ("9.1 %", "$0.91", "$10.00")
    assert "Looks so far" not in page
    line = words_of(client.get(address("experiments")))
    assert "200 reached" in line and "day 4 of 28" in line and "Group 0 50 % · Group 1 50 %" in line


def test_nothing_counted_yet_is_said(client, analyst):
    season = running_since(0, plain_test())
    assert "Nothing was counted yet" in words_of(client.get(address("experiment", season.definition_id)))
    assert "day 1 of 28" in words_of(client.get(address("experiments")))


def test_a_test_that_is_not_decided_says_in_which_range_it_is_and_when_it_is_looked_at_again(client, analyst, tea):
    season = running_since(10, plain_test(), planned=5_000)
    fill(season, tea, {"arm_0": (1_000, 100), "arm_1": (1_000, 110)})
    measure_experiments(now())
    page = words_of(client.get(address("experiment", season.definition_id)))
    assert re.search(r"Not decided. Between \d+ % fewer and \d+ % more visitors buy. Next look", page)
    assert "About $" not in page and "Looks so far" in page and "day 11 of 28" in page
    assert "Only “share of visitors who buy” decides." in page


def test_groups_of_wrong_sizes_silence_all_other_numbers(client, analyst, tea):
    season = running_since(8, plain_test())
    fill(season, tea, {"arm_0": (800, 100), "arm_1": (1_200, 400)})
    measure_experiments(now())
    response = client.get(address("experiment", season.definition_id))
    page = words_of(response)
    assert "The groups are not as large as they should be (800 : 1,200)." in page
    assert "A cache in front of the shop gives the page of one group to all." in page
    assert [(one.reached, one.orders, one.conversion) for one in response.context["groups"]] == [
        ("800", TOO_FEW, TOO_FEW),
        ("1,200", TOO_FEW, TOO_FEW),
    ]
    assert "Better" not in page
    assert "The groups are not as large" in words_of(client.get(address("experiments")))


def test_the_winner_is_published_from_the_page_that_tells_the_verdict(client, analyst, tea, campaign):
    publishing.save_draft(campaign, pin(tea, 3), None, base=1)
    versions = [{"version": {"definition": campaign.pk, "number": number}} for number in (1, 2)]
    season = running_since(8, compared(*versions), planned=4_000)
    fill(season, tea, {"arm_0": (2_000, 100), "arm_1": (2_000, 200)})
    apply = address("experiment-apply", season.definition_id)
    assert "It has to end first." in words_of(client.post(apply, {"arm": "arm_1"}, follow=True))
    assert measure_experiments(now()).ended == 1
    page = words_of(client.get(address("experiment", season.definition_id)))
    assert re.search(r"Better. Between \d+ % and \d+ % more visitors buy \(best guess 100 %\).", page)
    assert "About $" in page and "ended as planned" in page and "Make it so" in page
    assert "There is no such group." in words_of(client.post(apply, {"arm": "x" * 500}, follow=True))
    assert "“Tea week” is live for everybody." in words_of(client.post(apply, {"arm": "arm_1"}, follow=True))
    campaign.refresh_from_db()
    assert campaign.live.number == 2


def test_a_campaign_that_is_better_left_out_is_paused(client, analyst, campaign):
    version = {"version": {"definition": campaign.pk, "number": 1}}
    season = running_since(1, compared({"without": campaign.pk}, version))
    client.post(address("experiment-stop", season.definition_id))
    page = client.post(address("experiment-apply", season.definition_id), {"arm": "arm_0"}, follow=True)
    campaign.refresh_from_db()
    assert "“Tea week” is paused." in words_of(page) and campaign.state == DefinitionState.PAUSED


def test_what_cannot_be_made_so_is_said(client, analyst, campaign):
    season = running_since(1, compared({}, {"policy": {"row_size": 8}}))
    client.post(address("experiment-stop", season.definition_id))
    apply = address("experiment-apply", season.definition_id)
    assert '"ROW_SIZE": 8' in words_of(client.post(apply, {"arm": "arm_1"}, follow=True))
    assert "This is what everybody gets already" in words_of(client.post(apply, {"arm": "arm_0"}, follow=True))
    archived = running_since(1, compared({"without": campaign.pk}, {}), name="Of an archived one")
    client.post(address("experiment-stop", archived.definition_id))
    publishing.archive(campaign, None)
    apply = address("experiment-apply", archived.definition_id)
    assert "was archived or deleted" in words_of(client.post(apply, {"arm": "arm_0"}, follow=True))


def test_only_one_experiment_runs_on_a_page_and_the_other_one_is_named(client, analyst, campaign):
    running_since(1, plain_test())
    client.post(address("experiment-create"), posted(name="Second", subject=campaign.pk))
    second = Definition.objects.get(name="Second")
    page = words_of(client.post(address("experiment-start", second.pk), follow=True))
    assert "“Tea test” runs on the same pages: one experiment at a time on each." in page
    assert Season.objects.count() == 1


def test_an_experiment_about_something_archived_does_not_start(client, analyst, campaign):
    made = experiment(compared({"without": campaign.pk}, {}))
    publishing.archive(campaign, None)
    page = words_of(client.post(address("experiment-start", made.pk), follow=True))
    assert "was archived or deleted" in page and not Season.objects.exists()


def test_one_that_runs_is_not_archived_and_an_archived_one_does_not_start(client, analyst, campaign):
    season = running_since(1, plain_test())
    archive = address("experiment-archive", season.definition_id)
    assert "It runs. Stop it first." in words_of(client.post(archive, follow=True))
    client.post(address("experiment-stop", season.definition_id))
    assert "“Tea test” is archived." in words_of(client.post(archive, follow=True))
    assert "Tea test" not in words_of(client.get(address("experiments")))
    assert "Tea test" in words_of(client.get(address("experiments"), {"archived": "1"}))
    start = address("experiment-start", season.definition_id)
    assert "It is archived." in words_of(client.post(start, follow=True))
    assert client.get(address("experiment-edit", season.definition_id)).status_code == 404
    assert Season.objects.count() == 1


def test_who_stopped_it_and_that_it_is_not_decided_is_said(client, analyst, tea):
    season = running_since(8, plain_test())
    fill(season, tea, {"arm_0": (1_000, 100), "arm_1": (1_000, 110)})
    measure_experiments(now())
    question = words_of(client.get(address("experiment-stop", season.definition_id)))
    assert "Not decided." in question and "To go on later means to begin anew" in question
    client.post(address("experiment-stop", season.definition_id))
    page = words_of(client.get(address("experiment", season.definition_id)))
    assert "Stopped by mia in week 2; not decided." in page
    assert "stopped by mia" in words_of(client.get(address("experiments")))
    assert client.get(address("experiment-stop", season.definition_id)).status_code == 302


def test_what_it_was_stopped_for_is_said_in_red(client, analyst, tea):
    season = running_since(5, plain_test(), planned=5_000)
    fill(season, tea, {"arm_0": (2_000, 300), "arm_1": (2_000, 60)})
    assert measure_experiments(now()).ended == 1
    response = client.get(address("experiment", season.definition_id))
    page = words_of(response)
    assert "stopped for harm" in page and "Stopped:" in page and "personalization-error" in response.content.decode()
    assert "Better" not in page and "stopped for harm" in words_of(client.get(address("experiments")))


def test_an_earlier_season_keeps_its_verdict(client, analyst, tea):
    season = running_since(40, plain_test(weeks=2), planned=4_000)
    fill(season, tea, {"arm_0": (1_000, 50), "arm_1": (1_000, 100)})
    measure_experiments(now())
    client.post(address("experiment-start", season.definition_id))
    page = words_of(client.get(address("experiment", season.definition_id)))
    assert "Too early." in page and "Better" not in page and "Season 1:" in page
    earlier = words_of(client.get(address("experiment", season.definition_id), {"season": "1"}))
    assert "This is the earlier season 1." in earlier and "Better. Between" in earlier


def test_who_may_only_read_sees_numbers_and_no_buttons(client, tea):
    season = running_since(8, plain_test())
    Season.objects.filter(pk=season.pk).update(ended_at=now(), end=SeasonEnd.PLANNED)
    sign_in(client)
    for name, keys in (("experiments", ()), ("experiment", (season.definition_id,))):
        body = client.get(address(name, *keys)).content.decode()
        assert "Tea test" in body and "Make it so" not in body and address("experiment-create") not in body
        assert address("holdout") not in body and "/start/" not in body
    for name in ("start", "stop", "archive", "apply"):
        assert client.post(address(f"experiment-{name}", season.definition_id), {"arm": "arm_1"}).status_code == 403
    assert client.post(address("holdout")).status_code == 403
    assert Season.objects.count() == 1


def test_the_settings_of_a_row_are_made_so_only_by_those_who_may_change_rows(client, analyst):
    row = publishing.create("row", "Bestsellers", {"most": 8}, None, key="home/bestsellers")
    version = {"version": {"definition": row.pk, "number": 1}}
    season = running_since(1, compared({"without": row.pk}, version))
    client.post(address("experiment-stop", season.definition_id))
    apply = address("experiment-apply", season.definition_id)
    assert client.post(apply, {"arm": "arm_1"}).status_code == 403
    analyst.user_permissions.add(Permission.objects.get(codename="change_rows"))
    assert "“Bestsellers” is live for everybody." in words_of(client.post(apply, {"arm": "arm_1"}, follow=True))
    row.refresh_from_db()
    assert row.state == DefinitionState.LIVE


@pytest.mark.parametrize("name", ["start", "stop", "archive", "apply", "edit", ""])
def test_what_is_no_experiment_is_not_found(client, analyst, campaign, name):
    for key in (0, campaign.pk, 987654, 2**63):
        screen = address(f"experiment-{name}" if name else "experiment", key)
        ask = client.post if name else client.get
        assert ask(screen).status_code == 404


def test_looking_at_an_address_that_changes_something_changes_nothing(client, analyst):
    made = experiment(plain_test())
    for name in ("start", "archive", "apply"):
        assert client.get(address(f"experiment-{name}", made.pk)).status_code == 405
    client.get(address("experiment-stop", made.pk))
    client.get(address("holdout"))
    assert not Season.objects.exists() and Definition.objects.get().state == DefinitionState.DRAFT


def test_screens_take_twelve_queries_however_many_experiments_there_are(
    client, analyst, tea, campaign, django_assert_max_num_queries
):
    for number in range(6):
        running_since(8 + number, compared({"without": campaign.pk}, {}), name=f"Test {number}")
    holdout = running_since(8, holdout_document(0.5), name="Holdout", key=HOLDOUT)
    measure_experiments(now())
    draft = experiment(compared({"without": campaign.pk}, {}), name="Draft")
    screens = {
        "experiments": (),
        "experiment": (holdout.definition_id, draft.pk, Definition.objects.get(name="Test 0").pk),
        "experiment-edit": (draft.pk,),
        "experiment-create": (),
        "experiment-stop": (holdout.definition_id,),
        "holdout": (),
    }
    for screen, keys in screens.items():
        for key in keys or [None]:
            with django_assert_max_num_queries(12 + 2):  # a request's savepoint is two statements, in a test
                assert client.get(address(screen, *([key] if key else []))).status_code == 200


def test_the_screens_are_in_german_too(client, analyst, settings):
    season = running_since(8, plain_test())
    for screen, keys in (("experiments", ()), ("experiment", (season.definition_id,)), ("experiment-create", ())):
        page = client.get(address(screen, *keys), headers={"Accept-Language": "de"})
        assert page.status_code == 200 and 'lang="de"' in page.content.decode()


def test_parts_of_the_visitors_are_shown_after_the_end_as_questions(client, analyst, tea):
    season = running_since(30, plain_test(weeks=2))
    fill(season, tea, {"arm_0": (300, 60), "arm_1": (300, 120)})
    measure_experiments(now() - 20 * DAY)
    assert "For questions, not for answers" not in words_of(client.get(address("experiment", season.definition_id)))
    measure_experiments(now())
    page = words_of(client.get(address("experiment", season.definition_id)))
    assert "For questions, not for answers" in page and "4 comparisons" in page
    assert re.search(r"not signed in 600 between \d+\.\d and \d+\.\d more of 100 visitors buy", page)
    assert "on phones 0 too few yet" in page and "None of them is a verdict" in page
