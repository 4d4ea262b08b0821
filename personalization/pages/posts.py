"""The pages of shoppable posts: all of them in the visitor's order, and one by itself."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from personalization.oscar.content_blocks import print_block, print_blocks, read_visit
from personalization.pages.cache_control import previewed_page, private_page
from personalization.pages.rows import positive_number
from personalization.serve_content import serve_feed

POSTS_PER_PAGE = 6


@previewed_page
@private_page
@require_safe
def list_posts(request: HttpRequest) -> HttpResponse:
    """A page of the posts that are meant for this visitor; 404 while there is none. Two queries for the products of
    all posts on it."""
    visit = read_visit(request)
    feed = serve_feed(visit)
    paginator = Paginator(feed.posts, POSTS_PER_PAGE)
    page = positive_number(request.GET.get("page", "1"))
    if not feed.posts or not 1 <= page <= paginator.num_pages:
        raise Http404("There are no posts here.")
    page_obj = paginator.page(page)
    context = {
        "posts": print_blocks(list(page_obj.object_list), visit),
        "is_personal": feed.is_personal,
        "paginator": paginator,
        "page_obj": page_obj,
    }
    return render(request, "personalization/posts.html", {**context, **_form_context(request)})


@previewed_page
@private_page
@require_safe
def show_post(request: HttpRequest, pk: int) -> HttpResponse:
    """One post by itself, where it is meant for this visitor."""
    visit = read_visit(request)
    post = next((one for one in serve_feed(visit).posts if one.id == pk), None)
    printed = print_block(post, visit) if post else None
    if printed is None:
        raise Http404("There is no such post.")
    return render(request, "personalization/post.html", {"printed": printed, **_form_context(request)})


def _form_context(request: HttpRequest) -> dict[str, object]:
    return {"has_forms": True, "next": request.get_full_path()}
