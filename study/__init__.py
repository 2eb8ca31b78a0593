"""Studies: the factorial design as an object."""
