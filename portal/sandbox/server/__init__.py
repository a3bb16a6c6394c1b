"""The sandbox's HTTP side: signatures, faults, the log of calls, the control API."""
