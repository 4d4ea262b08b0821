"""The shop's addresses, and one that says which snapshot the process has that answers."""

from django.http import HttpResponse
from django.urls import path

from personalization.decide.active_snapshot import get_active_snapshot
from tests.faults.served import urls_with_us


def serving(request):
    snapshot = get_active_snapshot()
    return HttpResponse(snapshot.name if snapshot else "")


urlpatterns = [path("serving/", serving), *urls_with_us.urlpatterns]
