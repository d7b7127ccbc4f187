"""Modules of the script that builds the bundled checkpoint `mluke-small`."""
