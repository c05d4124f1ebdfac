"""The vocabulary of events: memberships, contents, relations, power levels."""
