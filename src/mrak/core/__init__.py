"""The vocabulary that every room speaks. Nothing here does I/O or imports another room (but `config`)."""
