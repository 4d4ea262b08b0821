from oscar.apps.search.forms import SearchForm as OscarsForm


class SearchForm(OscarsForm):
    """What the shop's own class loader gives for Oscar's."""

    prefix_of_the_shop = "own"
