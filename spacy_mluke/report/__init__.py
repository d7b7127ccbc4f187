"""Scores of pipelines with confidence intervals, and HTML pages that compare them."""
