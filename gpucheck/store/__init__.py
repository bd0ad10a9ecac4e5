"""The inventory: SQLAlchemy at the edge. It saves and loads reports, knows cards again, and never judges silicon."""
