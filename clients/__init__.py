"""Talking to models: one client per protocol, its retry policy and its prices. Used by gen and evaluate."""
