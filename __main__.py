"""`python -m cotdistill` is the command `cotdistill`."""

from .cli import main

if __name__ == "__main__":
    main()
