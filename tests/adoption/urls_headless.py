from django.urls import include, path

from tests.adoption import urls_plain

urlpatterns = [path("api/", include("oscarapi.urls")), *urls_plain.urlpatterns]
