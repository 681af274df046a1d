"""Tables as Markdown, CSV and LaTeX; one file per table, `images` lists those of images."""
