"""Support bundles: what somebody else needs to find a fault, in one file that a person can read before."""
