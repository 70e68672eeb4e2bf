"""The web application: pages over a workspace's runs, capture of what no order system knows, roles, and an API."""
