"""Corpora at the door: one importer a kind, and what several of them need."""
