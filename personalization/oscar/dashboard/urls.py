"""The addresses of the screens. Each name stands in `access.PERMISSIONS`."""

from django.urls import path

from personalization.oscar.dashboard import (
    audit_screen,
    campaign_editor,
    campaign_list,
    consent_screen,
    data_screen,
    key_screen,
    overview_screen,
    preview,
    sensitive_screen,
)

urlpatterns = [
    path("", overview_screen.show_overview, name="personalization-overview"),
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
    path("data/", data_screen.show_data, name="personalization-data"),
    path("data/snapshots/<int:pk>/serve/", data_screen.serve_snapshot, name="personalization-snapshot-serve"),
    path("audit/", audit_screen.show_audit, name="personalization-audit"),
    path("audit/csv/", audit_screen.download_audit, name="personalization-audit-csv"),
    path("consent/", consent_screen.show_consent, name="personalization-consent"),
    path("keys/", key_screen.show_keys, name="personalization-keys"),
    path("keys/<int:pk>/rotate/", key_screen.rotate_key, name="personalization-key-rotate"),
    path("keys/<int:pk>/revoke/", key_screen.revoke_key, name="personalization-key-revoke"),
    path("sensitive/", sensitive_screen.list_sensitive, name="personalization-sensitive"),
    path("sensitive/add/", sensitive_screen.add_sensitive, name="personalization-sensitive-add"),
    path("sensitive/<int:pk>/remove/", sensitive_screen.remove_sensitive, name="personalization-sensitive-remove"),
    path("products/", campaign_editor.find_products, name="personalization-products"),
]
