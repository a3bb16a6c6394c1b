"""What holds for the pages of all packages: permissions, narrow windows, the page of an environment."""
