"""Build the ready-made pipeline `xx_mluke_small`. The commands are in projects/xx_mluke_small/project.yml."""
