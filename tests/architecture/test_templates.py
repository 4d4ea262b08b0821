"""What every template of ours keeps to, in whichever shop it is shown."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "personalization" / "templates"
FILES = sorted(TEMPLATES.rglob("*.html"))
NAMES = [str(file.relative_to(TEMPLATES)) for file in FILES]
URL_TAG = re.compile(r"{%\s*url\s[^%]*%}")
KEY_VARIABLE = re.compile(r"{{\s*[\w.]*\b(?:\w+_id|pk|id|key)\s*}}")
OSCARS_OWN = {'{% url "catalogue:index" %}'}
"""Oscar's template, which ours stands for, has it as well."""


DASHBOARD = re.compile(
    r'{% url "(?:personalization:personalization-[\w-]+|dashboard:(?:index|catalogue-product|user-detail))"[^%]*%}'
)
"""In the dashboard, whose pages are there only where these addresses are."""


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_no_template_needs_an_address_that_a_shop_may_lack(file):
    unguarded = [tag for tag in URL_TAG.findall(file.read_text()) if " as " not in tag]
    if "dashboard" in file.parts:
        unguarded = [tag for tag in unguarded if not DASHBOARD.fullmatch(tag)]
    assert set(unguarded) <= OSCARS_OWN


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_no_template_prints_a_key_as_a_number_that_a_shop_may_group(file):
    keys = [text for text in KEY_VARIABLE.findall(file.read_text()) if "event_id" not in text]  # a UUID
    assert keys == []
