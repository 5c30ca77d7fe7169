"""Prove: a run of the whole service with a canary in every field that a user fills, and a search for them wherever anything may remain."""
