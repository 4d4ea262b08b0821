"""Include these before Oscar's own: `path("", include("personalization.urls"))`."""

from typing import Any

from django.apps import apps
from django.urls import include, path
from django.views.generic import TemplateView

from personalization.pages import (
    basket,
    campaign_codes,
    cards,
    consent,
    fragments,
    households,
    leave_bar,
    message_links,
    message_permissions,
    metrics,
    post_feeds,
    posts,
    privacy,
    reminder_choices,
    rows,
    sizes,
    sort_preference,
    unsubscribe,
)
from personalization.pages.cache_control import cacheable_page, previewed_page
from personalization.pages.events import receive_events
from personalization.pages.feedback import dismiss_item

app_name = "personalization"

dashboard: Any = apps.get_app_config("personalization")
home = previewed_page(cacheable_page(TemplateView.as_view(template_name="personalization/home.html")))

urlpatterns = [
    path("", home, name="home"),
    path("dashboard/personalization/", include(dashboard.get_urls())),
    path("personalization/api/v1/", include("personalization.api.urls")),
    path("personalization/basket/", basket.show_basket, name="basket"),
    path("personalization/rows/<str:surface>/<str:row_key>/", rows.show_row, name="row"),
    path("personalization/posts/", posts.list_posts, name="posts"),
    path("personalization/posts/<int:pk>/", posts.show_post, name="post"),
    path("personalization/posts.rss", post_feeds.serve_rss, name="posts_rss"),
    path("personalization/posts.json", post_feeds.serve_json, name="posts_json"),
    path("personalization/events/", receive_events, name="events"),
    path("personalization/fragments/", fragments.show_fragments, name="fragments"),
    path("personalization/feedback/", dismiss_item, name="feedback"),
    path("personalization/voucher-code/", campaign_codes.request_code, name="campaign_code"),
    path("personalization/sort/", sort_preference.switch_sort, name="sort"),
    path("personalization/consent/", consent.answer_consent, name="consent"),
    path("personalization/leave/", leave_bar.answer_leaving, name="leave"),
    path("personalization/messages/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("personalization/from-message/basket/", message_links.follow_to_basket, name="message_basket"),
    path("personalization/from-message/<int:product_id>/", message_links.follow_to_product, name="message_product"),
    path("personalization/metrics/", metrics.show_metrics, name="metrics"),
    path("personalization/allow-messages/", message_permissions.allow_messages, name="allow_messages"),
    path("personalization/reminders/<str:token>/", reminder_choices.choose_reminder, name="reminder"),
    path("personalization/privacy/", privacy.privacy_page, name="privacy"),
    path("personalization/privacy/preference/", privacy.change_interest, name="privacy_preference"),
    path("personalization/privacy/recent/", privacy.delete_recent, name="privacy_recent"),
    path("personalization/privacy/sizes/", sizes.state_size, name="privacy_sizes"),
    path("personalization/privacy/messages/", message_permissions.switch_messages, name="privacy_messages"),
    path("personalization/privacy/reminders/", reminder_choices.allow_reminder, name="privacy_reminders"),
    path("personalization/privacy/cards/", cards.link_own_card, name="privacy_card_link"),
    path("personalization/privacy/cards/unlink/", cards.unlink_own_card, name="privacy_card_unlink"),
    path("personalization/privacy/household/invite/", households.invite, name="privacy_household_invite"),
    path("personalization/privacy/household/take-back/", households.take_back, name="privacy_household_take_back"),
    path("personalization/privacy/household/join/", households.join, name="privacy_household_join"),
    path("personalization/privacy/household/leave/", households.leave, name="privacy_household_leave"),
    path("personalization/privacy/erase/", privacy.confirm_erasure, name="privacy_erase_confirm"),
    path("personalization/privacy/erase/confirmed/", privacy.erase_data, name="privacy_erase"),
    path("personalization/privacy/download/", privacy.download_data, name="privacy_download"),
]
