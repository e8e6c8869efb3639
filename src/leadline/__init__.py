"""Leadline keeps a trading program's view of its exchange true."""
