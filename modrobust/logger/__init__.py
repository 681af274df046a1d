"""Trackers that are fed a run's metrics beside its files. A logger changes no result and no folder's name."""
