"""Heads: thinc Models that turn states of the encoder into scores."""
