"""Files of annotation tools: export of predictions, import of corrections."""
