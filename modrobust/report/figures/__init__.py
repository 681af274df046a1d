"""Figures as PDF and PNG; one file per kind, `write` makes all of them."""
