"""What every room may use: errors, configuration, clock, facts. Imports nothing of ours."""
