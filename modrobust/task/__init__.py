"""Something else than to train and test: exports, imports, statistics; one file per task."""
