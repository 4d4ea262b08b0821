from django.urls import include, path

from tests.adoption import urls_plain

urlpatterns = [path("", include("personalization.urls")), *urls_plain.urlpatterns]
