"""What is true: fields, tables, code lists, source maps, rules and forms. No I/O."""
