"""Suggest spans (entities, span groups, n-grams) and pairs of entities."""
