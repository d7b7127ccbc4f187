"""Load, save and export checkpoints: directories and hub names on one side, the network on the other."""
