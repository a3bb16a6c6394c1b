"""Parameters of environments that benchmarks create and delete."""

TRIAL = {"DeletionProtection": "false", "FinalSnapshot": "false"}
