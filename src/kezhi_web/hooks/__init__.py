"""Webhooks: telling other programs what happened, signed, with retries."""
