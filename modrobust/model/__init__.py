"""Networks as named blocks, with the modules and autoencoders that fit them."""
