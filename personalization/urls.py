"""Include these before Oscar's own: `path("", include("personalization.urls"))`."""

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.vary import vary_on_cookie
from django.views.generic import TemplateView

app_name = "personalization"

home = TemplateView.as_view(template_name="personalization/home.html")

urlpatterns = [
    path("", cache_control(private=True, no_store=True)(vary_on_cookie(home)), name="home"),
]
