"""What its operations take and return."""
