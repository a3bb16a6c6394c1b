"""The forms of drills on the environment's page."""
