"""From run folders to rows: which folders there are, their results, their settings, what is still missing."""
