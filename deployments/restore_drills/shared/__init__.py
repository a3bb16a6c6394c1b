"""What commands and steps of drills do alike."""
