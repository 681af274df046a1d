"""Sweeps of many runs: which are missing, on which machine or Slurm job they run, how they are doing. No torch."""
