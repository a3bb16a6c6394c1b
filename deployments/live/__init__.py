"""What open pages hear: who watches which deployment, and how news of it reaches them. No HTML here."""
