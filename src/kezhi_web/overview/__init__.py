"""The first page: what customers are worth, who moved, whom to call, how far to trust it, what to upload next."""
