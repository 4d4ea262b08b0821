"""How candidates are gathered, described by numbers and scored: the same arithmetic where it is learned and where it
serves. No Django, no clock, no chance, numpy only: a web process runs this on every decision.
"""
