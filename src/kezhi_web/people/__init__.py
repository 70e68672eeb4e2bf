"""Who may do what, and what everybody did: accounts, roles, rights, the audit log."""
