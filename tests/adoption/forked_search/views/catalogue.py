from oscar.apps.search.views.catalogue import ProductCategoryView as OscarsView


class ProductCategoryView(OscarsView):
    """A category page of this shop says more than that."""

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        return {**context, "made_by": f"{context['made_by']}, in a category"}
