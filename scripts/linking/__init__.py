"""Linked mentions of public corpora, and what the linker makes of them."""
