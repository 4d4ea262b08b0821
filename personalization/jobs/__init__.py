"""Work in the background: what can be done, when it is due, and a row that says how far it is."""
