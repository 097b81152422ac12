"""The command line door: may import all three storeys; nothing imports it."""
