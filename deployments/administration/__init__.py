"""Who uses Sanso: people, teams, service accounts, invitations, tokens, logins."""
