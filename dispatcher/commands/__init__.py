"""Commands: the words of the command line, a file for each of its subjects."""
