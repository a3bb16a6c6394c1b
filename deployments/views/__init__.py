"""What a browser asks: short functions that read, or hand to an action and answer."""
