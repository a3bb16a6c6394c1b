"""What the environment's page shows of drills."""
