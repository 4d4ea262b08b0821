"""The rules that merchants set, as immutable versions, and what a decision needs to know of those that are live."""
