"""Which templates of a shop's own leave out something of ours."""

from pathlib import Path

import pytest
from django.template import engines

from personalization.oscar import template_overrides
from personalization.oscar.template_overrides import REQUIRED_TAGS, LostOverride, lost_overrides

PAGE = "oscar/layout.html"
TAG = REQUIRED_TAGS[PAGE]
OURS = Path(template_overrides.PACKAGE_TEMPLATES)


@pytest.fixture
def theme(tmp_path, settings):
    """Writes a template of the shop's own, where it is found first."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]

    def write(text, name=PAGE):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    return write


def test_every_template_of_oscars_that_we_extend_has_its_tag():
    assert sorted(REQUIRED_TAGS) == sorted(str(file.relative_to(OURS)) for file in OURS.glob("oscar/**/*.html"))


@pytest.mark.parametrize("name", REQUIRED_TAGS)
def test_a_shop_that_pastes_the_tag_has_what_our_own_template_has(name):
    engines["django"].from_string(REQUIRED_TAGS[name])
    ours = template_overrides._TemplateSource(template_overrides.Origin(name), (OURS / name).read_text())
    pasted = template_overrides._required_tags(name)
    assert pasted and pasted <= {template_overrides._tag_signature(tag) for tag in ours.block_tags()}


def test_a_shop_without_templates_of_its_own_loses_nothing():
    assert lost_overrides() == []


def test_a_copy_leaves_ours_out(theme):
    file = theme("<html>{% block extrascripts %}{% endblock %}</html>")
    assert lost_overrides() == [LostOverride(PAGE, file, "")]


def test_a_copy_that_extends_another_page_leaves_ours_out(theme):
    file = theme(
        '{% extends "oscar/layout.html" %}{% block content %}{% endblock %}', "oscar/customer/baseaccountpage.html"
    )
    assert lost_overrides() == [LostOverride("oscar/customer/baseaccountpage.html", file, "")]


@pytest.mark.parametrize(
    "pasted", [TAG, "{% load personalization %}{%personalization_beacon   %}{%personalization_basket %}"]
)
def test_a_copy_with_the_tag_pasted_has_it(theme, pasted):
    theme(f"<html>{pasted}</html>")
    assert lost_overrides() == []


def test_a_copy_that_includes_what_holds_the_tag_has_it(theme):
    theme('<html>{% include "shop/foot.html" %}</html>')
    theme("{% include 'shop/deeper.html' %}", "shop/foot.html")
    theme(TAG, "shop/deeper.html")
    assert lost_overrides() == []


@pytest.mark.parametrize(
    "text", ["<p>", "{% block extrascripts %}{{ block.super }}!{% endblock %}", "{% block x %}{% endblock %}"]
)
def test_a_template_that_extends_its_own_name_has_it(theme, text):
    theme('{% extends "oscar/layout.html" %}' + text)
    assert lost_overrides() == []


def test_a_template_that_reaches_its_own_name_by_another_of_the_shops_has_it(theme):
    theme('{% extends "shop/base.html" %}')
    theme('{% extends "../oscar/layout.html" %}', "shop/base.html")
    assert lost_overrides() == []


def test_a_block_that_is_filled_without_what_stood_there_is_named(theme):
    file = theme(
        '{% extends "oscar/layout.html" %}'
        "{% block extrascripts %}{% block inner %}{{ block.super }}{% endblock %}{% endblock %}"
    )
    assert lost_overrides() == [LostOverride(PAGE, file, "extrascripts")]


def test_nothing_is_said_of_a_template_whose_parent_is_known_only_when_it_is_rendered(theme):
    theme("{% extends skin %}")
    assert lost_overrides() == []


def test_a_template_that_includes_itself_ends(theme):
    file = theme('{% include "oscar/layout.html" %}')
    assert lost_overrides() == [LostOverride(PAGE, file, "")]


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("oscar/partials/nav_primary.html", "browse_store_text"),  # it lies within one of ours
        ("oscar/layout.html", "extrastyles"),  # the shop's stylesheets may hold ours
    ],
)
def test_a_block_without_a_row_of_ours_may_be_filled_anew(theme, name, block):
    theme(f'{{% extends "{name}" %}}{{% block {block} %}}The shop{{% endblock %}}', name)
    assert lost_overrides() == []


def test_the_guide_for_adopters_has_every_tag():
    guide = (Path(__file__).parents[2] / "docs" / "adopt.md").read_text()
    assert [line for line in guide.splitlines() if line.startswith("| `oscar/")] == [
        f"| `{name}` | `{tag}` |" for name, tag in REQUIRED_TAGS.items()
    ]
