"""Corpora of any size: files in, files out, a shard of documents at a time."""
