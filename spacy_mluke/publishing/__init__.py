"""Publish pipelines on the Hugging Face hub: the model card, and the upload."""
