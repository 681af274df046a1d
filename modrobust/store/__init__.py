"""What lies on disk: run folders, trained parts, whole files, signs of life, where a result comes from."""
