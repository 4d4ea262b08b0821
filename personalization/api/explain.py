"""How a decision came about, for staff who may ask."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import serve
from personalization.api.account import deny_server_key
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.surfaces import SurfaceRequest, page_context, query_data
from personalization.api.views_base import APIEndpoint
from personalization.decide import active_snapshot
from personalization.decide.visit import Visit
from personalization.oscar import visits

PERMISSION = "personalization.explain_decision"
MAX_CANDIDATES = 50


class ExplainRequest(SurfaceRequest):
    """Which list."""

    surface = serializers.ChoiceField(choices=serve.surface_names(), required=False, default="home")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_CANDIDATES, default=20)
    include = None


class CandidateAnswer(serializers.Serializer):
    """What could be shown."""

    id = serializers.IntegerField(help_text="Of a product; on the surface `navigation` of a category.")
    score = serializers.FloatField(help_text="Comparable within one list only.")
    code = serializers.CharField()
    reason = serializers.CharField()


class VisitorFactsAnswer(serializers.Serializer):
    """What the decision knows of the visit."""

    reported = serializers.BooleanField(help_text="Whether the visitor agreed to be known.")
    discreet = serializers.BooleanField(help_text="Whether nothing is named that was bought or looked at.")
    products = serializers.IntegerField(help_text="How many bought products the genome holds.")
    near = serializers.IntegerField(help_text="How many products of similar customers.")
    recent = serializers.IntegerField(help_text="How many things that they did lately.")
    wishes = serializers.IntegerField()
    basket = serializers.ListField(child=serializers.IntegerField())
    country = serializers.CharField(allow_blank=True)
    language = serializers.CharField(allow_blank=True)
    device = serializers.CharField(allow_blank=True)


class ExplainAnswer(serializers.Serializer):
    """What a surface's list is made of, for whoever asks."""

    surface = serializers.CharField()
    snapshot = serializers.CharField(allow_blank=True)
    known = VisitorFactsAnswer()
    candidates = CandidateAnswer(many=True)


class ExplainEndpoint(APIEndpoint):
    """For staff, of their own visit."""

    @operation(operation_id="explain", parameters=[ExplainRequest], responses=ExplainAnswer)
    def get(self, request: Request) -> Response:
        """The list that the rows are made from: its first candidates with score and reason, and what was known."""
        deny_server_key(request)
        if not request.user.has_perm(PERMISSION):
            raise Problem(403, "permission_denied", _("This takes the permission %(name)s.") % {"name": PERMISSION})
        asked = ExplainRequest(data=query_data(request))
        asked.is_valid(raise_exception=True)
        surface, limit = asked.validated_data["surface"], asked.validated_data["limit"]
        visit = visits.with_page_context(self.visit(request), **page_context(asked.validated_data))
        candidates = [_candidate_data(one) for one in serve.recommend(surface, visit, limit)]
        loaded = active_snapshot.get_active_snapshot()
        told = {"surface": surface, "snapshot": loaded.name if loaded else ""}
        return Response({**told, "known": _visitor_data(visit), "candidates": candidates})


def _candidate_data(one: Any) -> dict[str, Any]:
    return {"id": one.item_id, "score": one.score, "code": one.reason.code, "reason": one.explanation}


def _visitor_data(visit: Visit) -> dict[str, Any]:
    return {
        "reported": visit.tracking_allowed,
        "discreet": visit.hide_private_reasons,
        "products": len(visit.genome.products),
        "near": len(visit.genome.neighbour_products),
        "recent": len(visit.recent_events),
        "wishes": len(visit.preferences),
        "basket": sorted(visit.basket),
        "country": visit.country,
        "language": visit.language,
        "device": visit.device,
    }
