"""Opens pages of Wagtail and of django CMS with a slot in them, as a guest, as a customer who agreed, and as an editor,
and prints what they saw as JSON."""

import json
import re
from urllib.parse import urlencode

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client

TITLE = re.compile(r'class="personalization-block__title"[^>]*>([^<]*)')


def publish_block(name, **more):
    from personalization.merchandising import publishing

    document = {"slot": "guide-hero", "kind": "text", "variants": {"en-gb": {"title": name, "text": "Fresh."}}, **more}
    publishing.publish(publishing.create("block", name, document, None), None)


def make_wagtail_page():
    from wagtail.models import Locale, Page, Site

    from tests.adoption.guides.models import GuidePage

    Locale.objects.create(language_code="en-gb")
    root = Page.add_root(title="Root", slug="root")
    body = [("text", "Before."), ("slot", {"slot": "guide-hero"}), ("text", "After.")]
    guide = root.add_child(instance=GuidePage(title="Tea", slug="tea", body=body))
    Site.objects.update_or_create(
        hostname="testserver", defaults={"root_page": root, "is_default_site": True, "port": 80}
    )
    return f"/guides/{guide.slug}/"


def make_cms_page():
    from cms.api import add_plugin, create_page

    page = create_page("Tea", "guides/cms_page.html", "en-gb", slug="tea")
    placeholder = page.get_placeholders("en-gb").get(slot="body")
    add_plugin(placeholder, "PersonalizedSlot_guide_hero", "en-gb")
    return page.get_absolute_url("en-gb")


def look(client, address):
    answer = client.get(address)
    text = answer.content.decode()
    return {"status": answer.status_code, "titles": TITLE.findall(text), "headers": answer.get("Cache-Control", "")}


def look_as_everybody(address, customer):
    """In this order: a page that a cache of django CMS's had kept would show."""
    signed_in = Client()
    signed_in.force_login(customer)
    clients = {"guest": Client(), "customer": signed_in, "next guest": Client()}
    return {who: look(client, address) for who, client in clients.items()}


def edit(address, editor):
    """What Wagtail's editor says of a slot with such a name."""
    from wagtail.models import Page

    client = Client()
    client.force_login(editor)
    page = Page.objects.get(slug="tea")
    form = f"/editors/pages/{page.pk}/edit/"
    shown = client.get(form).content.decode()
    said = {}
    for name in ("Guide Hero", "guide-hero"):
        block = {"body-0-deleted": "", "body-0-order": 0, "body-0-type": "slot", "body-0-value-slot": name}
        fields = {"title": "Tea", "slug": "tea", "body-count": 1, **block, "comments-TOTAL_FORMS": 0}
        fields |= {"comments-INITIAL_FORMS": 0, "action-publish": "action-publish"}
        answer = client.post(form, urlencode(fields), content_type="application/x-www-form-urlencoded")
        said[name] = [answer.status_code, "Expected small letters, digits and hyphens" in answer.content.decode()]
    return {"offers": "Personal content" in shown, "said": said, "page": look(Client(), address)}


def refused_slot():
    from personalization.contrib.django_cms import personalized_slot

    try:
        personalized_slot("Guide Hero", "A picture")
    except ImproperlyConfigured as fault:
        return str(fault)


def main():
    from django.contrib.auth.models import User
    from django.utils.timezone import now

    from personalization.decide.active_rules import read_rules_now
    from personalization.models import Visitor
    from tests.adoption.probe_main_pages import create_shop

    create_shop()
    customer = User.objects.get(username="ann")
    Visitor.objects.grant_all([customer.pk], version="1", source="test", now=now())
    editor = User.objects.create_superuser("editor", "editor@example.com", "editor")
    addresses = {"wagtail": make_wagtail_page(), "django CMS": make_cms_page()}
    before = {name: look(Client(), address) for name, address in addresses.items()}
    publish_block("Everybody's tea")
    publish_block("Tea for you", who={"people": "customers"})
    read_rules_now()
    after = {name: look_as_everybody(address, customer) for name, address in addresses.items()}
    found = {"before": before, "after": after, "editor": edit(addresses["wagtail"], editor), "refused": refused_slot()}
    print(json.dumps(found))


if __name__ == "__main__":
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    main()
