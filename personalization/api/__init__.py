"""The shop's personal side for storefronts that are not Django templates: the same decisions, as JSON."""
