"""Parts of scripts/build_knowledge.py, which makes the bundled knowledge base of a hundred thousand entities."""
