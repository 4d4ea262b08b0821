"""The plain shop with us, and with pages of Wagtail and of django CMS beside Oscar's."""

from tests.adoption.settings_adopted import *  # noqa: F403
from tests.settings_without_migrations import NoMigrations

MIGRATION_MODULES = NoMigrations()  # there are hundreds

INSTALLED_APPS = [
    *INSTALLED_APPS,  # noqa: F405
    "wagtail.users",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "cms",
    "menus",
    "sekizai",
    "tests.adoption.guides",
]
WAGTAIL_SITE_NAME = "Guides"
WAGTAILADMIN_BASE_URL = "http://testserver"
CMS_CONFIRM_VERSION4 = True
CMS_TEMPLATES = [("guides/cms_page.html", "Guide")]
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
MIDDLEWARE = [*MIDDLEWARE, "cms.middleware.toolbar.ToolbarMiddleware"]  # noqa: F405
TEMPLATES[0]["OPTIONS"]["context_processors"] += [  # noqa: F405
    "sekizai.context_processors.sekizai",
    "cms.context_processors.cms_settings",
]
ROOT_URLCONF = "tests.adoption.urls_content_systems"
X_FRAME_OPTIONS = "SAMEORIGIN"
