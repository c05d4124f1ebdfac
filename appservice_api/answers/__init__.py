"""Views of what homeservers answer, a module for each chapter of the client."""
