from oscar.apps.search.views.base import BaseSearchView as OscarsView


class BaseSearchView(OscarsView):
    """Every listing page of this shop says who made it."""

    def get_context_data(self, *args, **kwargs):
        return {**super().get_context_data(*args, **kwargs), "made_by": "the shop's listing"}
