"""Fuzzing: random and damaged input, checked against what the package promises (docs/reliability.md)."""
