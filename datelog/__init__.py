"""datelog: saves the current time and lists the saved times. Deployed without the portal."""
