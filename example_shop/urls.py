from django.apps import apps
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

from example_shop.views import view_as

urlpatterns = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("view-as/", view_as, name="view-as"),
    path("storefront/", TemplateView.as_view(template_name="example_shop/storefront.html"), name="storefront"),
    path("", include("personalization.urls")),  # 3 of 3: before Oscar's, so that the home page is personal
    path("", include(apps.get_app_config("oscar").urls[0])),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
