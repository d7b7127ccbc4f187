"""Scripts of the workflows in project.yml: convert corpora, train systems, score them, write reports."""
