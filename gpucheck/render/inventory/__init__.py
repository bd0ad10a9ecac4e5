"""A shop's inventory for a person: on a terminal, as a table, as labels."""
