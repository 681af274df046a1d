"""Hyper-parameter search: steps of trials, each an ordinary run that looks at no composition."""
