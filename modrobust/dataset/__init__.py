"""Datasets: named splits of tensors. `splits` has the contract, `take` the subsets; one file per family."""
