"""What pages and the API show of failed changes and notes."""
