"""What both programs agree on; imports nothing else of the project."""
