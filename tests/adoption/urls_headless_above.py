"""With django-oscar-api above our own addresses: its sessions from headers reach them, too."""

from django.urls import include, path

from tests.adoption import urls_adopted

urlpatterns = [*urls_adopted.urlpatterns, path("personalization/", include("oscarapi.urls"))]
