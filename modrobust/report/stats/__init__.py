"""Statistics over rows: intervals, correlations, invariance scores, combinations of corruptions."""
