from django.urls import include, path

from tests.adoption import plain_urls

urlpatterns = [path("", include("personalization.urls")), *plain_urls.urlpatterns]
