"""The built-in teacher: reads a word problem, solves it, and writes a rationale of the requested grain and format."""
