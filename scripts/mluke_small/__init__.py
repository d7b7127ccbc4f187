"""Parts of the script that builds the bundled `mluke-small` checkpoint."""
