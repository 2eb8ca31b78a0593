"""The verbs of the command line, a file each: parse, call one function of a stage, print."""
