"""What a person may ask for: checked, written as rows. A due row is the message; nothing is published."""
