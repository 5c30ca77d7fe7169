"""The half that knows and cannot open: the API, the command line and the contracts."""
