"""What a category is called where several have its name: its parents' names stand before it, Women before Shoes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from oscar.core.loading import get_model

from personalization.cache_access import cache_answers

Category = get_model("catalogue", "Category")

SEPARATOR = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


def categories_to_label() -> QuerySet[Any]:
    """The browsable categories, each with whether it `shares_name` with another, be that hidden or not: what tells them
    apart is looked up for those alone."""
    namesakes = Category.objects.filter(~Q(pk=OuterRef("pk")), name=OuterRef("name"))
    categories: QuerySet[Any] = Category.objects.browsable().annotate(shares_name=Exists(namesakes))
    return categories


def label_categories(categories: Iterable[Any]) -> None:
    """Gives each of these categories of `categories_to_label` its `label`: its name, after as many of the names above
    it as tell it from its namesakes. No query where no name is shared, two else."""
    shared = []
    for category in categories:
        category.label = category.name
        if category.shares_name:
            shared.append(category)
    if shared:
        branches = _namesake_branches({category.name for category in shared})
        for category in shared:
            own = branches.get(category.path, [category.name])
            others = [branch for path, branch in branches.items() if path != category.path]
            category.label = path_label(own, others)


def category_addresses(categories: Sequence[Any]) -> list[str]:
    """The addresses of these categories' pages. Oscar asks the cache for the slugs above each; where that does not
    answer, the category's own slug does, which its page corrects."""
    if categories and cache_answers():
        return [str(category.get_absolute_url()) for category in categories]
    return [
        reverse("catalogue:category", kwargs={"category_slug": category.slug, "pk": category.pk})
        for category in categories
    ]


def category_paths(limit: int) -> dict[int, tuple[str, ...]]:
    """The names of the first browsable categories by key, in tree order, each after those above it. One query."""
    rows = Category.objects.browsable().order_by("path").values_list("pk", "path", "name")[:limit]
    names: dict[str, str] = {}
    paths = {}
    for key, path, name in rows:
        names[path] = name
        paths[key] = tuple(names[above] for above in _branch_paths(path) if above in names)
    return paths


def _namesake_branches(names: set[str]) -> dict[str, list[str]]:
    """By its path, the names from the top down to each browsable category that has one of these names."""
    paths = list(Category.objects.browsable().filter(name__in=names).order_by("path").values_list("path", flat=True))
    above = {step for path in paths for step in _branch_paths(path)}
    by_path: Mapping[str, str] = dict(Category.objects.filter(path__in=above).values_list("path", "name"))
    return {path: [by_path[step] for step in _branch_paths(path) if step in by_path] for path in paths}


def _branch_paths(path: str) -> Iterator[str]:
    """The paths of the category at this path and of all above it, from the top."""
    return (path[:end] for end in range(Category.steplen, len(path) + 1, Category.steplen))


def path_label(path: Sequence[str], others: Iterable[Sequence[str]]) -> str:
    """The label of the category with this path of names: its shortest ending that no other path has; all of it where
    others have it too."""
    namesakes = [other for other in others if other[-1] == path[-1]]
    for length in range(1, len(path)):
        if all(other[-length:] != path[-length:] for other in namesakes):
            return SEPARATOR.join(path[-length:])
    return SEPARATOR.join(path)
