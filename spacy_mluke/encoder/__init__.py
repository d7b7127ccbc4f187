"""The encoder: a thinc Model that turns requests into states. Its network is a PyTorch module."""
