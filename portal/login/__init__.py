"""Login and password change: forms, pages, and limits against guessing."""
