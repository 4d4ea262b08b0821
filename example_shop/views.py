from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from example_shop.view_as import list_people
from personalization.privacy import cookies


@require_POST
def view_as(request: HttpRequest) -> HttpResponse:
    """Signs in as one of the demo's people, or out for the anonymous visitor; never as staff."""
    email = request.POST.get("email")
    if email not in {person.email for person in list_people()}:
        raise Http404("This person cannot be chosen in the demo.")
    logout(request)  # a new session, so that the activity of two people is never mixed
    request.COOKIES.pop(cookies.VISITOR_COOKIE, None)
    if email:
        customers = get_user_model().objects.filter(is_active=True, is_staff=False, is_superuser=False)
        login(request, get_object_or_404(customers, email=email), settings.AUTHENTICATION_BACKENDS[0])
    response = redirect("/")
    # Else Oscar would merge the visitor's basket into the customer's, and show what the visitor looked at.
    for cookie in (
        settings.OSCAR_BASKET_COOKIE_OPEN,
        settings.OSCAR_RECENTLY_VIEWED_COOKIE_NAME,
    ):
        response.delete_cookie(cookie)
    cookies.delete_cookie(response, cookies.VISITOR_COOKIE)
    return response
