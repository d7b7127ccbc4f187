"""Fuzzing: random and damaged input, checked against what the package promises (docs/guides/reliability.md)."""
