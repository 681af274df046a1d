"""From a trained predictor to results: compositions or bits tested, pictures, examples, shards, the last table."""
