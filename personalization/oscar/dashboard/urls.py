"""The addresses of the screens. Each name stands in `access.PERMISSIONS`."""

from django.urls import path

from personalization.oscar.dashboard import campaign_editor, campaign_list, preview

urlpatterns = [
    path("campaigns/", campaign_list.list_campaigns, name="personalization-campaigns"),
    path("campaigns/new/", campaign_editor.create_campaign, name="personalization-campaign-create"),
    path("campaigns/effect/", campaign_editor.show_effect, name="personalization-campaign-effect"),
    path("campaigns/<int:pk>/effect/", campaign_editor.show_effect, name="personalization-campaign-effect"),
    path("campaigns/<int:pk>/", campaign_editor.edit_campaign, name="personalization-campaign"),
    path("campaigns/<int:pk>/publish/", campaign_editor.publish_campaign, name="personalization-campaign-publish"),
    path("campaigns/<int:pk>/state/", campaign_list.change_state, name="personalization-campaign-state"),
    path("campaigns/<int:pk>/move/", campaign_list.move_campaign, name="personalization-campaign-move"),
    path("campaigns/<int:pk>/history/", campaign_list.show_history, name="personalization-campaign-history"),
    path("preview/", preview.show_preview, name="personalization-preview"),
    path("products/", campaign_editor.find_products, name="personalization-products"),
]
