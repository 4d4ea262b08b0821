from django.urls import include, path

from tests.adoption import urls_adopted

urlpatterns = [
    path("editors/", include("wagtail.admin.urls")),
    path("guides/", include("wagtail.urls")),
    path("pages/", include("cms.urls")),
    *urls_adopted.urlpatterns,
]
