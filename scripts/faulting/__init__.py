"""Faults: processes that are killed, disks that are full, folders that cannot be written to, two processes at once."""
