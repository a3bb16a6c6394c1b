"""What users can request: each request is checked and written as a due row. Nothing is published here."""
