from django.urls import include, path

from tests.adoption import urls_headless

urlpatterns = [path("", include("personalization.urls")), *urls_headless.urlpatterns]
