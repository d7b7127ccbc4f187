"""Hooks of the documentation site (mkdocs.yml)."""
