"""datelog: saves the time of each visit and lists the saved times. Ships alone to the app servers."""
