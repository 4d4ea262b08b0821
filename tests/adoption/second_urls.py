"""A middleware as shops with several hosts have one."""


def use_second_urls(get_response):
    """Answers every request by the URLs of a plain shop."""

    def respond(request):
        request.urlconf = "tests.adoption.urls_plain"
        return get_response(request)

    return respond
