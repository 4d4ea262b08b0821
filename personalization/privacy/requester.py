"""Who a request is from. Made once, where the request enters; everything further in takes this and no `HttpRequest`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.module_loading import import_string

from personalization import conf
from personalization.models import Visitor
from personalization.privacy import cookies
from personalization.privacy.client_address import UNKNOWN_ADDRESS, client_address
from personalization.privacy.cookies import BrowserChoice
from personalization.privacy.shared_pages import is_for_everybody, mark_private
from personalization.shop import customers

REQUESTER_ATTRIBUTE = "_personalization_requester"
"""Under this name a request keeps its requester."""


class ClientType(StrEnum):
    """How a client says who it is."""

    BROWSER = "browser"
    """By cookies: the session's, and the app's own."""
    VISITOR_TOKEN = "visitor_token"
    """By the token that the API issued to a client without cookies."""
    SERVER_KEY = "server_key"
    """By the key of another server of the shop, which may name a customer."""
    PREVIEW = "preview"
    """Not at all: a member of staff looks at the shop as somebody else sees it, and nothing is reported."""
    EVERYBODY = "everybody"
    """Not at all: the page may be handed to anybody, and so is made for a stranger."""
    SHOP_LOGIN = "shop_login"
    """By an authentication class of the shop's own API."""


@dataclass(frozen=True, eq=False)
class Requester:
    """The account, browser or API client behind a request, with what it says about consent, device and address."""

    user: Any = field(default_factory=AnonymousUser)
    """An instance of the shop's user model; Django's AnonymousUser for a visitor who is not signed in."""
    visitor_id: UUID | None = None
    """The id in the browser's cookie or the client's token, which we signed; its visitor may have been erased."""
    choice: BrowserChoice | None = None
    """What this browser answered to the present consent text; None when it has not."""
    opt_out_signal: bool = False
    """Whether the browser sends `Sec-GPC: 1` or `DNT: 1`."""
    ask_consent_tool: Callable[[], bool | None] = lambda: None
    """Asks the shop's own consent tool; see `consent_tool_answer`."""
    client: ClientType = ClientType.BROWSER
    owns_session: bool = True
    """Whether the session and the basket of the request are the requester's own."""
    address: str = UNKNOWN_ADDRESS
    """The client's IPv4 address, or the /64 network of its IPv6 address; see `client_address`."""
    user_agent: str = ""
    mobile_hint: bool = False
    """Whether the browser sends `Sec-CH-UA-Mobile: ?1`."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    """The app's own cookies, as the browser sent them."""
    read_csrf_secret: Callable[[bool], str] = lambda create: ""
    """Reads the secret of the browser's CSRF cookie; see `browser_key`."""
    memory: dict[str, Visitor | None] = field(default_factory=dict, init=False, repr=False)
    """The visitor, once it has been read, or that it could not be; see `identity.get_visitor`."""

    @property
    def user_id(self) -> Any:
        """The primary key of the account; None for a visitor who is not signed in."""
        return self.user.pk if self.user.is_authenticated else None

    @property
    def is_signed_in(self) -> bool:
        """Whether an account is behind the request."""
        return bool(self.user.is_authenticated)

    @property
    def network(self) -> str:
        """The network of the address, which one customer may have to themselves: the first three numbers of an IPv4
        address, or the /64 of an IPv6 one. The shop's own servers, whose address says nothing of whom they speak for,
        are one network."""
        if self.client == ClientType.SERVER_KEY:
            return self.client.value
        return self.address.rpartition(".")[0] or self.address

    @cached_property
    def is_child(self) -> bool:
        """Whether the shop says that the account is a child's."""
        return self.is_signed_in and customers.is_child(self.user)

    @cached_property
    def consent_tool_answer(self) -> bool | None:
        """What the shop's own consent tool says; None where there is none, or it does not know."""
        return self.ask_consent_tool()

    @property
    def limit_key(self) -> str:
        """Tells visitors apart where they are counted, without a query; "" for a browser without an id."""
        if self.is_signed_in:
            return f"account {self.user_id}"
        return self.visitor_id.hex if self.visitor_id else ""

    def browser_key(self, *, create: bool = False) -> str:
        """What only this account or browser holds: tokens that are made before there is a visitor are bound to it.

        For an account it is the account's primary key, else the secret of Django's CSRF cookie, of which pages contain
        only a hash. "" when there is neither.

        Parameters: `create`, whether a browser without a CSRF cookie gets one with this response; only after consent.
        """
        if self.is_signed_in:
            return f"account:{self.user_id}"
        secret = self.read_csrf_secret(create)
        return f"csrf:{secret}" if secret else ""


def requester_from_request(request: HttpRequest) -> Requester:
    """The requester of a request: the one that `bind_requester` set, or else the browser that its cookies name; a
    stranger where the page may be handed to anybody. Made once a request, and again after an account signed in or out
    within it."""
    user = getattr(request, "user", None)
    bound_user, requester = getattr(request, REQUESTER_ATTRIBUTE, (None, None))
    if requester is None or bound_user is not user:
        if is_for_everybody(request):
            requester = stranger()
            if request.resolver_match is None:  # it may turn out to be a private page yet
                return requester
        else:
            requester = _requester_from_cookies(request, user)
        bind_requester(request, requester)
    return requester


def stranger() -> Requester:
    """A requester of whom nothing is known or can be: neither an account nor a browser, a device, an address."""
    return Requester(client=ClientType.EVERYBODY, owns_session=False)


def is_shared_page(request: HttpRequest) -> bool:
    """Whether the page of this request may be handed to anybody, and so must not depend on who asks."""
    return requester_from_request(request).client == ClientType.EVERYBODY


def keep_private(request: HttpRequest) -> None:
    """Makes the response to this request the requester's own, though its address alone would make it everybody's."""
    mark_private(request)
    if getattr(request, REQUESTER_ATTRIBUTE, (None, None))[1] is not None and is_shared_page(request):
        delattr(request, REQUESTER_ATTRIBUTE)


def bind_requester(request: HttpRequest, requester: Requester) -> None:
    """Makes this the requester of a request: for doors that do not go by cookies, and for changes within a request."""
    setattr(request, REQUESTER_ATTRIBUTE, (getattr(request, "user", None), requester))


def _requester_from_cookies(request: HttpRequest, user: Any) -> Requester:
    own_cookies = cookies.own_cookies(request.COOKIES)
    return Requester(
        user=AnonymousUser() if user is None else user,
        visitor_id=cookies.read_visitor_id(own_cookies),
        choice=cookies.read_choice(own_cookies),
        opt_out_signal=any(request.META.get(name, "").strip() == "1" for name in ("HTTP_SEC_GPC", "HTTP_DNT")),
        ask_consent_tool=partial(_ask_consent_tool, request),
        address=client_address(request),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        mobile_hint=request.META.get("HTTP_SEC_CH_UA_MOBILE") == "?1",
        cookies=own_cookies,
        read_csrf_secret=partial(_read_csrf_secret, request),
    )


def _ask_consent_tool(request: HttpRequest) -> bool | None:
    path = conf.get_settings().CONSENT_CALLABLE
    answer = import_string(path)(request) if path else None
    return None if answer is None else bool(answer)


def _read_csrf_secret(request: HttpRequest, create: bool) -> str:
    if create:
        get_token(request)
    return request.META.get("CSRF_COOKIE", "")
