"""Measures Keyway side by side with other proxies; see bench/README.md and `python3 -m measure
--help`."""
