"""How a decision came about, for staff who may ask."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization import serve
from personalization.api.account import themselves
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.surfaces import Asked, about_of, plain
from personalization.api.views_base import Endpoint
from personalization.decide import active_snapshot
from personalization.decide.visit import Visit
from personalization.oscar import visits

PERMISSION = "personalization.explain_decision"
MOST_CANDIDATES = 50


class AskedToExplain(Asked):
    """Which list."""

    surface = serializers.ChoiceField(choices=serve.all_surfaces(), required=False, default="home")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_CANDIDATES, default=20)
    include = None


class CandidateAnswer(serializers.Serializer):
    """What could be shown."""

    id = serializers.IntegerField(help_text="Of a product; on the surface `navigation` of a category.")
    score = serializers.FloatField(help_text="Comparable within one list only.")
    code = serializers.CharField()
    reason = serializers.CharField()


class KnownAnswer(serializers.Serializer):
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
    known = KnownAnswer()
    candidates = CandidateAnswer(many=True)


class Explain(Endpoint):
    """For staff, of their own visit."""

    @operation(operation_id="explain", parameters=[AskedToExplain], responses=ExplainAnswer)
    def get(self, request: Request) -> Response:
        """The list that the rows are made from: its first candidates with score and reason, and what was known."""
        themselves(request)
        if not request.user.has_perm(PERMISSION):
            raise Problem(403, "not_allowed", _("This takes the permission %(name)s.") % {"name": PERMISSION})
        asked = AskedToExplain(data=plain(request))
        asked.is_valid(raise_exception=True)
        surface, limit = asked.validated_data["surface"], asked.validated_data["limit"]
        visit = visits.about(self.visit(request), **about_of(asked.validated_data))
        candidates = [_candidate(one) for one in serve.ranked(surface, visit, limit)]
        loaded = active_snapshot.current()
        told = {"surface": surface, "snapshot": loaded.name if loaded else ""}
        return Response({**told, "known": _known(visit), "candidates": candidates})


def _candidate(one: Any) -> dict[str, Any]:
    return {"id": one.key, "score": one.score, "code": one.reason.code, "reason": one.words}


def _known(visit: Visit) -> dict[str, Any]:
    return {
        "reported": visit.reported,
        "discreet": visit.discreet,
        "products": len(visit.genome.products),
        "near": len(visit.genome.near),
        "recent": len(visit.recent),
        "wishes": len(visit.wishes),
        "basket": sorted(visit.basket),
        "country": visit.country,
        "language": visit.language,
        "device": visit.device,
    }
