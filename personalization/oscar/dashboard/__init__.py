"""The merchants' screens, inside Oscar's dashboard."""
