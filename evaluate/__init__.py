"""Evaluation: engines, decoding, and writing predictions back to the store."""
