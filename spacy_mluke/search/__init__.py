"""Search annotated corpora for entities: by id, by name, or for mentions like a given one, in any language."""
