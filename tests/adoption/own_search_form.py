from oscar.apps.search.forms import SearchForm as OscarsForm


class SearchForm(OscarsForm):
    """The form that the shop's class loader returns instead of Oscar's."""

    prefix_of_the_shop = "own"
