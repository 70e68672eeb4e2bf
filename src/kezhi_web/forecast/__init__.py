"""The forecast: what is expected, how far earlier forecasts came true, and how this one came about."""
