"""`python -m cellsearch` is the command `cellsearch`."""

from cellsearch.cli import main

if __name__ == "__main__":
    main()
