"""Include these before Oscar's own: `path("", include("personalization.urls"))`."""

from django.urls import include, path
from django.views.generic import TemplateView

from personalization.pages import consent, privacy, sort_preference
from personalization.pages.cache_control import private
from personalization.pages.events import take_in
from personalization.pages.feedback import dismiss

app_name = "personalization"

home = private(TemplateView.as_view(template_name="personalization/home.html"))

urlpatterns = [
    path("", home, name="home"),
    path("personalization/api/v1/", include("personalization.api.urls")),
    path("personalization/events/", take_in, name="events"),
    path("personalization/feedback/", dismiss, name="feedback"),
    path("personalization/order/", sort_preference.switch, name="order"),
    path("personalization/consent/", consent.answer, name="consent"),
    path("personalization/privacy/", privacy.privacy, name="privacy"),
    path("personalization/privacy/wish/", privacy.wish, name="privacy_wish"),
    path("personalization/privacy/recent/", privacy.drop_recent, name="privacy_recent"),
    path("personalization/privacy/forget/", privacy.forget_asked, name="privacy_forget"),
    path("personalization/privacy/forgotten/", privacy.forget, name="privacy_forgotten"),
    path("personalization/privacy/download/", privacy.download, name="privacy_download"),
]
