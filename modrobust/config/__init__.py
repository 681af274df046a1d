"""The configuration: what names a run, which keys and values there are, what is said of a wrong one."""
