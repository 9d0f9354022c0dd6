"""Programs that run in function instances, never in the server: they import nothing of mrak."""
