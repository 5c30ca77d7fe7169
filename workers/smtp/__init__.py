"""Transmit: the submission client, whose every phase is explicit."""
