"""A package, not only a folder: Hydra looks for plugins in packages."""
