"""Pages of a shop with advice, once as Wagtail makes them and once as django CMS does."""
