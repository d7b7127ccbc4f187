"""Fault injection: killed processes, full disks, read-only folders, concurrent processes."""
