"""The entity vocabulary: names to ids and back, on disk, opened lazily."""
