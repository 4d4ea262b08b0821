"""An API for storefronts that are not Django templates: the same personalised rows and lists, as JSON."""
