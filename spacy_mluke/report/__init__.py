"""What a pipeline scores, with confidence intervals, and a page that shows it."""
