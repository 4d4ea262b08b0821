"""A class loader of a shop's own, that replaces one class."""

from oscar.core.loading import default_class_loader


def load_classes(module_label, classnames, module_prefix):
    if (module_label, list(classnames)) == ("search.forms", ["SearchForm"]):
        from tests.adoption.own_search_form import SearchForm

        return [SearchForm]
    return default_class_loader(module_label, classnames, module_prefix)
