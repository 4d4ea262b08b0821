"""The API's addresses, below `personalization/api/v1/`."""

from django.urls import path

from personalization.api import account, blocks, events, explain, health, households, posts, purchases, schema, surfaces

app_name = "api"

urlpatterns = [
    path("surfaces/<str:surface>/", surfaces.SurfaceEndpoint.as_view(), name="surface"),
    path("blocks/<str:slot>/", blocks.BlockEndpoint.as_view(), name="block"),
    path("recommendations/", surfaces.RecommendationsEndpoint.as_view(), name="recommendations"),
    path("rank/", surfaces.RankEndpoint.as_view(), name="rank"),
    path("navigation/", surfaces.NavigationEndpoint.as_view(), name="navigation"),
    path("continue/", surfaces.ContinueEndpoint.as_view(), name="continue"),
    path("visitors/", account.VisitorsEndpoint.as_view(), name="visitors"),
    path("events/", events.EventsEndpoint.as_view(), name="events"),
    path("posts/", posts.PostsEndpoint.as_view(), name="posts"),
    path("purchases/", purchases.PurchasesEndpoint.as_view(), name="purchases"),
    path("feedback/<str:product>/", events.FeedbackEndpoint.as_view(), name="feedback"),
    path("me/preferences/", account.PreferencesEndpoint.as_view(), name="preferences"),
    path("me/data/", account.DataEndpoint.as_view(), name="data"),
    path("me/household/", households.OwnHouseholdEndpoint.as_view(), name="household"),
    path("me/household/invitations/", households.InvitationsEndpoint.as_view(), name="household_invitations"),
    path(
        "me/household/invitations/<str:invitation>/",
        households.InvitationEndpoint.as_view(),
        name="household_invitation",
    ),
    path("me/household/join/", households.JoinEndpoint.as_view(), name="household_join"),
    path("me/household/leave/", households.LeaveEndpoint.as_view(), name="household_leave"),
    path("explain/", explain.ExplainEndpoint.as_view(), name="explain"),
    path("health/", health.HealthEndpoint.as_view(), name="health"),
    path("schema/", schema.SchemaEndpoint.as_view(), name="schema"),
]
