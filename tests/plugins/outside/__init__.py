"""Another app of a shop's, which adds one plug-in of each kind without a line in `personalization`."""
