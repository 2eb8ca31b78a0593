"""One file per data set, and the registry of them."""
