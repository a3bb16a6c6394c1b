"""Who uses Sanso, and in which accounts it works.

People, teams, service accounts, invitations, tokens, logins, accounts.
"""
