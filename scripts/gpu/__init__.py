"""What `scripts/check_gpu.py` runs."""
