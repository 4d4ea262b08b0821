"""What `oscar_fork_app search` makes, with two views of the shop's own."""
