"""Annotated documents as HTML: one renderer for notebooks, files, the demo, reports and the explorer."""
