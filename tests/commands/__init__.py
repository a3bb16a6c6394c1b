"""What holds for the commands of all packages: permissions and audit records."""
