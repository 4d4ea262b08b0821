"""Include these before Oscar's own: `path("", include("personalization.urls"))`."""

from django.urls import path
from django.views.generic import TemplateView

from personalization.pages.feedback import dismiss
from personalization.pages.private import private

app_name = "personalization"

home = private(TemplateView.as_view(template_name="personalization/home.html"))

urlpatterns = [
    path("", home, name="home"),
    path("personalization/feedback/", dismiss, name="feedback"),
]
