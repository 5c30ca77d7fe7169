"""The mail catcher of the demo and the tests: a mail server that keeps everything in memory and shows it."""
