"""Fuzzing with random and damaged input, and checks of guarantees (docs/guides/reliability.md)."""
