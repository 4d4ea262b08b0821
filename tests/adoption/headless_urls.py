from django.urls import include, path

from tests.adoption import plain_urls

urlpatterns = [path("api/", include("oscarapi.urls")), *plain_urls.urlpatterns]
