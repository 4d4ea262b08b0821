"""A shop that has copied Oscar's product page instead of extending it."""

from pathlib import Path

import oscar
import pytest
from django.core.checks import run_checks
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.oscar.template_overrides import REQUIRED_TAGS
from tests.shops import factories as shop

NAME = "oscar/catalogue/detail.html"
OSCARS = (Path(oscar.__path__[0]) / "templates" / NAME).read_text()
OUR_ROW = 'class="personalization-row'


@pytest.fixture
def start(tmp_path, settings):
    """Starts the shop with this template of its own, and gives its file."""
    file = tmp_path / NAME
    file.parent.mkdir(parents=True)

    def started(text):
        file.write_text(text)
        settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
        return str(file)

    return started


@pytest.mark.django_db
def test_a_copied_page_is_named_and_has_rows_once_the_tag_is_pasted(client, start):
    shelf = create_from_breadcrumbs("Tea")
    products = [shop.create_shop_product(f"Tea {n}", shelf) for n in range(8)]
    address = products[0].get_absolute_url()

    file = start(OSCARS)
    (warning,) = run_checks(tags=["personalization"])
    assert warning.msg.startswith(file) and warning.hint.endswith(REQUIRED_TAGS[NAME])
    assert OUR_ROW not in client.get(address).content.decode()

    start(OSCARS.replace("{% endblock content %}", REQUIRED_TAGS[NAME] + "{% endblock content %}"))
    assert run_checks(tags=["personalization"]) == []
    assert OUR_ROW in client.get(address).content.decode()
