"""Helpers of the end-to-end tests: real processes, raw sockets, and conditions that are waited for."""
