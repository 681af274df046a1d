"""Corruptions: one file per elementary operation; `composition` orders them, `corruption` applies them."""
