"""Speed and memory against the reference implementation, on the same weights and texts, in one run."""
