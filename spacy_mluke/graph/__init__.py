"""A graph of entities and relations from annotated documents."""
