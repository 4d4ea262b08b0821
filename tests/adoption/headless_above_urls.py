"""With django-oscar-api above our own addresses: its sessions from headers reach them, too."""

from django.urls import include, path

from tests.adoption import adopted_urls

urlpatterns = [*adopted_urls.urlpatterns, path("personalization/", include("oscarapi.urls"))]
