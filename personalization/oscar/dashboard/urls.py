"""The addresses of the screens. Each name stands in `access.PERMISSIONS`."""

from django.urls import path

from personalization.oscar.dashboard import (
    campaign_editor,
    campaign_list,
    preview,
    segment_editor,
    segment_list,
)

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
    path("segments/", segment_list.list_segments, name="personalization-segments"),
    path("segments/new/", segment_editor.create_segment, name="personalization-segment-create"),
    path("segments/condition/", segment_editor.show_condition, name="personalization-segment-condition"),
    path("segments/count/", segment_editor.show_count, name="personalization-segment-count"),
    path("segments/<int:pk>/count/", segment_editor.show_count, name="personalization-segment-count"),
    path("segments/<int:pk>/", segment_editor.edit_segment, name="personalization-segment"),
    path("segments/<int:pk>/publish/", segment_editor.publish_segment, name="personalization-segment-publish"),
    path("segments/<int:pk>/state/", segment_list.change_state, name="personalization-segment-state"),
    path("segments/<int:pk>/members/", segment_list.export_members, name="personalization-segment-members"),
    path("preview/", preview.show_preview, name="personalization-preview"),
    path("products/", campaign_editor.find_products, name="personalization-products"),
]
