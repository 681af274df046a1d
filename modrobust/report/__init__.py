"""Tables and figures from run folders. Reads files only; never imports torch."""
