from django.urls import include, path

from tests.adoption import headless_urls

urlpatterns = [path("", include("personalization.urls")), *headless_urls.urlpatterns]
