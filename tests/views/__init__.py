"""What browsers are answered, asked through Django's test client."""
