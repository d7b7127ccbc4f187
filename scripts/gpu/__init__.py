"""Modules of `scripts/check_gpu.py`."""
