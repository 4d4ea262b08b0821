"""The API's addresses, below `personalization/api/v1/`."""

from django.urls import path

from personalization.api import account, events, explain, health, schema, surfaces

app_name = "api"

urlpatterns = [
    path("surfaces/<str:surface>/", surfaces.Surface.as_view(), name="surface"),
    path("recommendations/", surfaces.Recommendations.as_view(), name="recommendations"),
    path("rank/", surfaces.Rank.as_view(), name="rank"),
    path("navigation/", surfaces.Navigation.as_view(), name="navigation"),
    path("continue/", surfaces.Continue.as_view(), name="continue"),
    path("visitors/", account.Visitors.as_view(), name="visitors"),
    path("events/", events.Events.as_view(), name="events"),
    path("feedback/<str:product>/", events.Feedback.as_view(), name="feedback"),
    path("me/preferences/", account.Preferences.as_view(), name="preferences"),
    path("me/data/", account.Data.as_view(), name="data"),
    path("explain/", explain.Explain.as_view(), name="explain"),
    path("health/", health.Health.as_view(), name="health"),
    path("schema/", schema.Schema.as_view(), name="schema"),
]
