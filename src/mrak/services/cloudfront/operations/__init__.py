"""One function for each operation, by resource."""
