"""What the workflows of project.yml do that takes more than one command."""
