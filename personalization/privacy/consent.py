"""What a visitor allows: nothing, until they say otherwise."""

from personalization import conf
from personalization.models import Consent, Visitor
from personalization.privacy.requester import ClientType, Requester


def tracking_allowed(requester: Requester, visitor: Visitor | None) -> bool:
    """Whether what this visitor does may be stored and used for them, at this request.

    The browser's opt-out signal (`Sec-GPC`, `DNT`) and a child's account are a no that nothing overrides. Next comes
    the visitor's own refusal, then the shop's consent tool, then the consent of the account or, without one, of the
    browser.
    """
    if requester.opt_out_signal or requester.is_child or has_refused(requester, visitor):
        return False
    answer = requester.consent_tool_answer
    return has_agreed(requester, visitor) if answer is None else answer


def has_refused(requester: Requester, visitor: Visitor | None) -> bool:
    """Whether the account refused, or the browser of an account that has not consented."""
    if visitor is not None and visitor.consent == Consent.WITHDRAWN:
        return True
    choice = requester.choice
    return choice is not None and not choice.granted and not (requester.is_signed_in and has_agreed(requester, visitor))


def has_agreed(requester: Requester, visitor: Visitor | None) -> bool:
    """Whether the account consented or, for a visitor who is not signed in, the browser did, to the present text.

    A browser's answer counts, not its stored visitor: a report that was under way during a refusal may leave one.
    """
    if requester.is_signed_in:
        return visitor is not None and visitor.consent == Consent.GRANTED
    return requester.choice is not None and requester.choice.granted


def may_be_allowed(requester: Requester) -> bool:
    """Whether it is worth asking for the visitor at all. For most visitors of a shop it is not: they cost no query."""
    if requester.client == ClientType.PREVIEW:
        return requester.is_signed_in
    if requester.client == ClientType.EVERYBODY:
        return False
    recognised = requester.choice is not None or requester.visitor_id is not None or requester.is_signed_in
    return recognised or bool(conf.get_settings().CONSENT_CALLABLE)


def should_ask(requester: Requester, visitor: Visitor | None) -> bool:
    """Whether to show the question: the visitor has not answered, and no consent tool asks. That a browser agreed is
    no answer of the account that signed in there since; that it refused is one for whoever uses it."""
    if requester.opt_out_signal or requester.is_child or conf.get_settings().CONSENT_CALLABLE:
        return False
    if requester.client in (ClientType.PREVIEW, ClientType.EVERYBODY):
        return False
    if requester.is_signed_in and visitor is not None and visitor.consent != Consent.NONE:
        return False
    return requester.choice is None or (requester.is_signed_in and requester.choice.granted)
