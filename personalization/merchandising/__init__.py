"""The rules that merchants set: segments, campaigns and rows as immutable versions, and what a decision needs of them."""
