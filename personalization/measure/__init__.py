"""What came of it: credit for what was bought, and experiments."""
