"""Side-by-side comparisons: what a page costs, and how good its lists are."""
