"""What may be requested: each is checked, recorded and written as a due row."""
