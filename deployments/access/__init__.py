"""Who may do what: roles, labels and tokens; each command is checked and recorded here."""
