"""The sandbox's HTTP server: signatures, faults, the call log, the control API."""
