"""The company's settings as questions: what kezhi.toml says, changed with its comments kept."""
