"""How a page came about: its rows, its list, and why a product is not there. For staff with the permission, of their
own visit."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import serve
from personalization.api.account import deny_server_key
from personalization.api.exceptions import Problem
from personalization.api.explain_answers import ExplainAnswer
from personalization.api.openapi import operation
from personalization.api.surfaces import KEY_BOUNDS, SurfaceRequest, page_context, query_data
from personalization.api.views_base import APIEndpoint
from personalization.decide import explanation
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.explanation import Step
from personalization.decide.merchandising import ActionOutcome
from personalization.decide.slate import ItemRef, Slate, product_ref
from personalization.decide.trace import Reranking, Trace, TracedRow
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.privacy import sort_preference
from personalization.rank.snapshot_arrays import SnapshotArrays

PERMISSION = "personalization.explain_decision"
MAX_ITEMS = 50
RERANKED_SURFACES = ("category", "search")
"""The surfaces whose page has a list that the shop's search engine found."""


class ExplainRequest(SurfaceRequest):
    """Which page, and the product that is missing on it."""

    surface = serializers.ChoiceField(choices=serve.surface_names(), required=False, default="home")
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ITEMS, help_text="Items in a row, and in the list."
    )
    item = serializers.IntegerField(
        required=False, **KEY_BOUNDS, help_text="The product to ask about: why is it there, or not?"
    )
    include = None  # type: ignore[assignment]  # how REST framework takes a field away


class ExplainEndpoint(APIEndpoint):
    """For staff, of their own visit."""

    @operation(operation_id="explain", parameters=[ExplainRequest], responses=ExplainAnswer)
    def get(self, request: Request) -> Response:
        """The rows and the list of a page with what they are made from, and a product's way to it."""
        deny_server_key(request)
        user: Any = request.user
        if not user.has_perm(PERMISSION):
            raise Problem(403, "permission_denied", _("This takes the permission %(name)s.") % {"name": PERMISSION})
        query = ExplainRequest(data=query_data(request))
        query.is_valid(raise_exception=True)
        surface, limit = query.validated_data["surface"], query.validated_data.get("limit")
        context = page_context(query.validated_data)
        visit = visits.with_page_context(self.visit(request), **context)
        if surface in RERANKED_SURFACES and sort_preference.personal_sort_disabled(self.requester):
            visit = replace(visit, policy=replace(visit.policy, rerank_strength=0))
        page = _ExplainedPage(surface, visit, limit, context.get("category"))
        return Response(page.as_data(query.validated_data.get("item")))


class _ExplainedPage:
    """The page of a surface, decided as for the page itself, by a visit that carries a trace."""

    def __init__(self, surface: str, visit: Visit, limit: int | None, category: Any) -> None:
        self.surface, self.visit, self.limit = surface, visit, limit
        self.listing = self._decide_list(category) if surface in RERANKED_SURFACES else Trace()
        self.reranking = self.listing.rerankings[0] if self.listing.rerankings else None
        if self.reranking:  # as on the page, whose list is printed above the rows
            shown = frozenset(self.reranking.result[: settings.OSCAR_PRODUCTS_PER_PAGE])
            self.visit = replace(visit, shown_products=visit.shown_products | shown)
        self.slate, self.trace = Slate(surface), Trace()
        if surface in serve.page_surfaces():
            self.slate, self.trace = serve.explain_slate(surface, self.visit, size=limit)
        self.learned = get_active_snapshot()

    def as_data(self, item: int | None) -> dict[str, Any]:
        return {
            "surface": self.surface,
            "snapshot": self._snapshot_name(),
            "visit": _visit_data(self.visit),
            "rules": [{"rule": rule, "items": _ids(items)} for rule, items in self.trace.rules.items()],
            "rows": [self._row_data(row) for row in self.trace.rows],
            "failed_row_types": self.trace.failed_row_types,
            "list": self._list_data(),
            "item": None if item is None else self._item_data(item),
        }

    def _snapshot_name(self) -> str:
        if self.surface in serve.page_surfaces():
            return self.slate.snapshot_name
        return self.learned.name if self.learned else ""

    def _decide_list(self, category: Any) -> Trace:
        window, keys = self.visit.policy.rerank_window, list[int]()
        with fail_open("Asking the search engine for a list"):
            from personalization.oscar import search_engine  # noqa: PLC0415 - a shop may do without Oscar's search

            if self.surface == "category" and category is not None:
                keys = search_engine.category_keys(category, window, serve.engine_filter(self.visit))
            elif self.visit.query:
                keys = search_engine.search_keys(
                    self.visit.query, window, serve.engine_filter(self.visit), self.visit.rules.search
                )
        visit = replace(self.visit, candidate_products=tuple(keys))
        return serve.explain_list(visit, places=settings.OSCAR_PRODUCTS_PER_PAGE)

    def _row_data(self, traced: TracedRow) -> dict[str, Any]:
        row = traced.row
        shown = next((one for one in self.slate.rows if one.key == row.reason.key and traced.shown), None)
        left_out = [(one, *self.trace.why_left_out(traced, one.item)) for one in row.candidates]
        return {
            "key": row.reason.key,
            "type": row.type.code,
            "title": shown.title if shown else "",
            "personal": row.type.personal,
            "expected_share": row.expected_share if math.isfinite(row.expected_share) else None,
            "hidden_because": traced.hidden_because,
            "items": [
                {
                    "id": one.product_id,
                    "kind": "product",
                    "position": one.position,
                    "score": one.score,
                    "code": one.reason.code,
                    "reason": one.explanation,
                    **self._facts(product_ref(one.product_id), self.trace),
                }
                for one in (shown.items if shown else ())
            ],
            "left_out": [
                {"id": one.item.id, "kind": one.item.kind, "score": one.score, "cause": cause, "facts": facts}
                for one, cause, facts in left_out
                if cause
            ],
            "campaigns": self._outcomes(traced.outcomes),
        }

    def _list_data(self) -> dict[str, Any] | None:
        length = self.limit or settings.OSCAR_PRODUCTS_PER_PAGE
        if self.reranking:
            basis = serve.rerank_basis(self.visit)
            shown = enumerate(self.reranking.result[:length])
            items = [self._reranked_data(key, position, self.reranking) for position, key in shown]
            resolved = self.listing.resolutions[-1].outcomes if self.listing.resolutions else ()
            return {
                "basis": basis or "",
                "strength": self.reranking.strength,
                "items": items,
                "campaigns": self._outcomes(resolved),
            }
        if self.surface in serve.page_surfaces():
            return None
        trace = Trace()
        ranked = serve.recommend(self.surface, replace(self.visit, trace=trace), length)
        items = [
            {
                "id": one.item_id,
                "kind": one.item.kind,
                "position": position,
                "score": one.score,
                "code": one.reason.code,
                "reason": one.explanation,
                "original_position": None,
                "personal_position": position,
                "not_wanted": False,
                **(
                    self._facts(one.item, trace)
                    if one.item.kind == "product"
                    else {"scorings": [], "recommenders": {}, "objectives": []}
                ),
            }
            for position, one in enumerate(ranked)
        ]
        return {"basis": "", "strength": self.visit.policy.rerank_strength, "items": items, "campaigns": []}

    def _outcomes(self, outcomes: Iterable[ActionOutcome]) -> list[dict[str, Any]]:
        names = {one.id: one.name for one in self.visit.rules.campaigns}
        return [
            {
                "campaign": one.campaign,
                "name": names.get(one.campaign, ""),
                "action": one.action,
                "outcome": one.outcome,
                "item": one.product,
                "items": _moved_items(one.facts.get("products", ())),
                "facts": {key: value for key, value in one.facts.items() if key not in ("products", "percent")},
            }
            for one in outcomes
        ]

    def _reranked_data(self, key: int, position: int, reranking: Reranking) -> dict[str, Any]:
        original = reranking.products.index(key)
        return {
            "id": key,
            "kind": "product",
            "position": position,
            "score": reranking.scores.get(key),
            "code": "",
            "reason": "",
            "original_position": original,
            "personal_position": reranking.personal_rank[original],
            "not_wanted": key in reranking.not_wanted,
            **self._facts(product_ref(key), self.listing),
        }

    def _item_data(self, key: int) -> dict[str, Any]:
        decided_with: SnapshotArrays | None = self.learned if self.slate.snapshot_name else None
        rows, listed = list[Step](), list[Step]()
        if self.surface in serve.page_surfaces():
            rows = explanation.explain_in_rows(key, self.visit, decided_with, self.trace)
        if self.reranking:
            page_size = settings.OSCAR_PRODUCTS_PER_PAGE
            listed = explanation.explain_in_list(key, self.learned, self.reranking, page_size)
        scorings = [*self.trace.scorings, *self.listing.scorings]
        both = Trace(scorings, objective_moves=self.trace.objective_moves | self.listing.objective_moves)
        return {"id": key, **_steps(rows=rows, list=listed), **self._facts(product_ref(key), both)}

    def _facts(self, item: ItemRef, trace: Trace) -> dict[str, Any]:
        return explanation.describe_item(item, self.visit, self.learned, trace)


def _steps(**ways: list[Step]) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(step) for step in steps] for name, steps in ways.items()}


def _moved_items(products: Mapping[int, tuple[int, int]] | Iterable[int]) -> list[dict[str, Any]]:
    """Products with their places before and after, or without any."""
    moved = products if isinstance(products, Mapping) else dict.fromkeys(products, (None, None))
    return [{"id": key, "before": before, "after": after} for key, (before, after) in moved.items()]


def _ids(items: Iterable[ItemRef]) -> list[int]:
    return sorted(item.id for item in items)


def _visit_data(visit: Visit) -> dict[str, Any]:
    return {
        "tracking_allowed": visit.tracking_allowed,
        "hide_private_reasons": visit.hide_private_reasons,
        "purchased_products": len(visit.genome.products),
        "neighbour_products": len(visit.genome.neighbour_products),
        "recent_events": len(visit.recent_events),
        "preferences": len(visit.preferences),
        "basket": sorted(visit.basket),
        "country": visit.country,
        "language": visit.language,
        "device": visit.device,
        "policy": asdict(visit.policy),
    }
