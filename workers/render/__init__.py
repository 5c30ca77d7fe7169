"""Confluence HTML in, mail HTML and text out."""
