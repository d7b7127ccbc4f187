"""The server: annotations, answers, fillers and entities as JSON over HTTP."""
