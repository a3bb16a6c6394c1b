"""AWS's rules, with the bundled templates and roles."""
