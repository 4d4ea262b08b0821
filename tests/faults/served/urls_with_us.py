from django.http import HttpResponse
from django.urls import path

from personalization import cache_access
from personalization.models import fail_open, query_limits
from tests.adoption import urls_adopted


def forget_faults(request):
    """What failed before is asked again, as after a pause, and the log says it again."""
    cache_access.reset_cache_access()
    query_limits.breakers.reset()
    fail_open.reset_fault_log()
    return HttpResponse()


urlpatterns = [path("forget-faults/", forget_faults), *urls_adopted.urlpatterns]
